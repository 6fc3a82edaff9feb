// Login at an OpenID provider that others wrote: oidc-provider knows who people are, a gateway believes it.
//
//     node provider.mjs MYLIFE DIRECTORY
//
// MYLIFE is the program; DIRECTORY/keys has an authority (`mylife pki init`), which Node trusts. A gateway serves from settings as an operator writes them.
// Somebody logs in at the provider in Chromium, and an app reads what is theirs; whom the provider says
// nothing of does not get in.

import { execFileSync, spawn } from "node:child_process";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer as createPlain } from "node:http";
import { createServer } from "node:https";
import { createServer as createSocket } from "node:net";
import { createInterface } from "node:readline";

import Provider from "oidc-provider";

import { check, opened } from "./chromium.mjs";

const [MYLIFE, DIR] = process.argv.slice(2);
const CLAIM = "urn:oid:1.2.246.21";
const keys = `${DIR}/keys`;
/** What every gateway is made of. */
const MADE = ["--dir", keys, "--organization", "urn:oid:1.2.246.10.0"];

const mylife = (...line) => execFileSync(MYLIFE, line, { encoding: "utf8" });

async function freePort() {
  const server = createSocket().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** A personal identity code that is issued to nobody. */
function code() {
  const digits = "280285900";
  return `280285-900${"0123456789ABCDEFHJKLMNPRSTUVWXY"[Number(digits) % 31]}`;
}

/** An app that only hears where people are sent back to. */
async function anApp() {
  const server = createPlain((_, answer) => answer.end("<!doctype html><title>back</title>"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return [server, `http://127.0.0.1:${server.address().port}/back`];
}

/** The provider, as its makers show it: its own pages ask for a name, and whatever is given is believed. */
async function provides(issuer, port, gateway) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const known = { aino: { name: "Aino Esimerkki", [CLAIM]: code() } };
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "gateway-297",
        redirect_uris: [`${gateway}/oauth/return/strong`],
        response_types: ["code"],
        grant_types: ["authorization_code"],
        token_endpoint_auth_method: "private_key_jwt",
        token_endpoint_auth_signing_alg: "ES256",
        jwks_uri: `${gateway}/.well-known/jwks.json`,
        id_token_signed_response_alg: "ES256",
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig", kid: "p-1" }] },
    claims: { openid: ["sub", "name", CLAIM] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...known[id] }) }),
    // By itself it asks nobody at an address like this machine's own.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    cookies: { keys: [randomBytes(16).toString("hex")] },
  });
  for (const event of ["server_error", "grant.error", "authorization.error"]) {
    provider.on(event, (_, why) => console.error(why));
  }
  const pem = (name) => readFileSync(`${keys}/login/gateway.${name}`);
  const server = createServer({ cert: pem("pem"), key: pem("key") }, provider.callback());
  await once(server.listen(port, "127.0.0.1"), "listening");
  return server;
}

/** Writes the settings of a gateway that sends people to the provider, and loads one person. */
function settles(gateway, issuer, back) {
  const own = mylife("pki", "gateway", ...MADE, "--code", "297", "--url", gateway);
  const source = mylife("pki", "client", `${DIR}/source.jwk`);
  const [printed] = own.split("# --- into the configurations of its peers");
  const settings = `${DIR}/gateway.toml`;
  writeFileSync(
    settings,
    `${printed.replace("[node]\n", '[node]\ntest_range = "allow"\n')}
[client_keys]
inside = ["${new URL(issuer).host}"]
authorities = "${keys}/ca.pem"

[[clients]]
client_id = "source"
name = "Source"
organization = "urn:oid:1.2.246.10.0"
scopes = ["mylife/native.write"]
native_owner = true
${source}
[[clients]]
client_id = "my-days"
name = "My Days"
organization = "urn:oid:1.2.246.10.0"
public = true
redirect_uris = ["${back}"]
scopes = ["launch/patient", "patient/*.rs"]
purposes = ["PATRQT"]

[[login]]
id = "strong"
name_fi = "Tunnistus"
name_sv = "Identifiering"
name_en = "Strong login"
issuer = "${issuer}"
client_id = "gateway-297"
person = "${CLAIM}"
name = "name"
`,
  );
  const person = {
    schema: "mylife/person/1",
    id: "p-1",
    name: { given: ["Aino"], family: "Esimerkki" },
    birth_date: "1985-02-28",
    identity_code: code(),
    language: "fi",
  };
  const assessment = {
    schema: "mylife/assessment/1",
    id: "a-1",
    person: "p-1",
    form: "3x10d-10",
    status: "completed",
    authored: "2026-03-01T07:30:00.000Z",
    answered_by: "person",
    language: "fi",
    answers: [{ theme: "housing", satisfaction: 7 }],
  };
  writeFileSync(`${DIR}/people.ndjson`, [person, assessment].map((one) => JSON.stringify(one)).join("\n"));
  mylife("load", settings, `${DIR}/people.ndjson`, "--owner", "source");
  return settings;
}

/** Sends a new browser from the app through the provider as somebody; gives the page it ends at. */
async function through(chromium, url, name) {
  const page = await (await chromium.newContext({ locale: "en-GB" })).newPage();
  await page.goto(url);
  await page.getByRole("button", { name: "Sign in: Strong login" }).click();
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("x");
  await page.locator("button[type=submit]").click();
  // The provider's own question whether the gateway may know.
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(/\/oauth\/return\/strong/);
  return page;
}

console.log("oidc-provider as where people log in (OpenID Connect)");
const [at, to] = [await freePort(), await freePort()];
const [gateway, issuer] = [`https://localhost:${at}`, `https://localhost:${to}`];
mylife("pki", "gateway", ...MADE, "--code", "login", "--url", issuer);
const [app, back] = await anApp();
const settings = settles(gateway, issuer, back);
const provider = await provides(issuer, to, gateway);
const management = await freePort();
const listening = [`listen.public=127.0.0.1:${at}`, `listen.management=127.0.0.1:${management}`, "listen.cores=1"];
const serving = spawn(MYLIFE, ["serve", settings, ...listening.flatMap((one) => ["--set", one])], {
  stdio: ["ignore", "pipe", "inherit"],
});
let chromium;
try {
  const [line] = await once(createInterface({ input: serving.stdout }), "line");
  check(line.startsWith("Serving "), "a gateway serves");
  chromium = await opened([`${keys}/297/gateway.pem`, `${keys}/login/gateway.pem`]);
  const verifier = randomBytes(32).toString("base64url");
  const asked = new URLSearchParams({
    response_type: "code",
    client_id: "my-days",
    redirect_uri: back,
    scope: "launch/patient patient/*.rs",
    state: randomBytes(16).toString("hex"),
    aud: `${gateway}/fhir`,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const url = `${gateway}/oauth/authorize?${asked}`;
  const page = await through(chromium, url, "aino");
  check(await page.getByText("You are signed in as Aino Esimerkki.").isVisible(), "it says who logged in");
  await page.locator("button[value=allow]").click();
  await page.waitForURL(`${back}?*`);
  const form = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: "my-days",
    redirect_uri: back,
    code_verifier: verifier,
    code: new URL(page.url()).searchParams.get("code"),
  });
  const token = await (await fetch(`${gateway}/oauth/token`, { method: "POST", body: form })).json();
  check(typeof token.access_token === "string", "the app has a token");
  const authorization = `Bearer ${token.access_token}`;
  const read = await fetch(`${gateway}/fhir/Observation?patient=${token.patient}`, { headers: { authorization } });
  const found = (await read.json()).entry.filter(({ resource }) => resource.resourceType === "Observation");
  check(found.length === 1 && found[0].resource.valueInteger === 7, "it reads what is theirs");
  const refused = await through(chromium, url, "nobody");
  check(await refused.getByText("Signing in did not work.").isVisible(), "whom it knows nothing of stays out");
} finally {
  await chromium?.close();
  serving.kill("SIGINT");
  provider.closeAllConnections();
  provider.close();
  app.close();
}
