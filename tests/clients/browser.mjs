// A browser at a running demo: an app in it, people at the pages, and a judge of the pages.
//
//     node browser.mjs SANDBOX
//
// SANDBOX is the directory of `mylife demo --dir SANDBOX`. The npm fhirclient (SMART App Launch in a page)
// launches, reads what was ticked and nothing else, and gets a new token. Somebody without a mouse and with
// JavaScript off logs in, unticks, allows, and ends it again. axe-core judges every page in three languages.
// The first thing that is not as it must be ends the run.

import { randomBytes, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

import { check, fitting, flawless, opened, pictured, tabbed } from "./chromium.mjs";

const SANDBOX = process.argv[2];
const listed = JSON.parse(readFileSync(`${SANDBOX}/sandbox.json`));
const kuopio = listed.nodes.kuopio;
const app = listed.apps["my-days"];
const back = new URL(app.redirect_uri);

const THEME = "https://mylife.example/fhir/CodeSystem/theme";
const of = (theme) => `patient/Observation.rs?_security=${THEME}|${theme}`;
const ALL = "launch/patient openid fhirUser offline_access patient/*.rs";
const TWO = `launch/patient openid fhirUser offline_access patient/Patient.r ${of("housing")} ${of("health")}`;

/** The app: a page that launches, and the page people are sent back to. */
function serves() {
  const client = readFileSync(createRequire(import.meta.url).resolve("fhirclient/build/fhir-client.js"));
  const page = (script) =>
    `<!doctype html><html lang="en"><title>waits</title><script src="/fhirclient.js"></script><script>${script}</script></html>`;
  const told = (call) => `${call}.then((client) => { window.smart = client; document.title = "ready"; })
    .catch((why) => { document.title = "refused: " + why.message; });`;
  const launch = `const asked = new URLSearchParams(location.search);
    FHIR.oauth2.authorize({ iss: asked.get("iss"), clientId: ${JSON.stringify(app.client_id)}, scope: asked.get("scope"),
      redirectUri: ${JSON.stringify(app.redirect_uri)} }).catch((why) => { document.title = "refused: " + why.message; });`;
  const server = createServer((asked, answer) => {
    const { pathname } = new URL(asked.url, back);
    if (pathname === "/fhirclient.js") return answer.setHeader("content-type", "text/javascript").end(client);
    if (pathname === "/launch") return answer.setHeader("content-type", "text/html").end(page(launch));
    if (pathname === back.pathname) {
      return answer.setHeader("content-type", "text/html").end(page(told("FHIR.oauth2.ready()")));
    }
    answer.writeHead(404).end();
  });
  return new Promise((there) => server.listen(Number(back.port), back.hostname, () => there(server)));
}

/** The themes that scores are labelled with. */
function themes(bundle) {
  const scores = bundle.entry.map((entry) => entry.resource).filter((one) => one.resourceType === "Observation");
  const labels = scores.flatMap((score) => score.meta.security).filter((label) => label.system === THEME);
  return [...new Set(labels.map((label) => label.code))].sort().join(" ");
}

/** Launches by fhirclient as the first invented person, without some ticks; leaves the page with the client. */
async function launched(context, scope, unticked) {
  const page = await context.newPage();
  const asked = new URLSearchParams({ iss: kuopio.fhir, scope });
  await page.goto(`${back.origin}/launch?${asked}`);
  await page.waitForURL(`${kuopio.issuer}/oauth/authorize?*`);
  await page.locator("button[name=as]").first().click();
  for (const label of unticked) await page.getByLabel(label).uncheck();
  await page.locator("button[value=allow]").click();
  await page.waitForURL(`${back.origin}${back.pathname}*`);
  await page.waitForFunction(() => document.title !== "waits");
  check((await page.title()) === "ready", "fhirclient has a token");
  return page;
}

/** What the client of a page says of the person's scores. */
function scores(page) {
  return page.evaluate(() => window.smart.request(`Observation?patient=${window.smart.patient.id}`));
}

async function anAppInAPage(chromium) {
  console.log("fhirclient in a page (SMART App Launch)");
  const context = await chromium.newContext({ locale: "en-GB" });
  const whole = await launched(context, TWO, []);
  check(themes(await scores(whole)) === "health housing", "of two themes that are ticked both come");
  await context.clearCookies();
  const page = await launched(context, TWO, ["See: the score of each area of life (only: Health)"]);
  check(themes(await scores(page)) === "housing", "of one that is ticked one comes");
  const granted = await page.evaluate(() => window.smart.state.tokenResponse.scope);
  check(granted.includes("|housing") && !granted.includes("|health"), "and the app is told so");
  const patient = await page.evaluate(() => window.smart.patient.read());
  check(patient.resourceType === "Patient" && patient.name.length > 0, "it knows whose");
  const asked = await page.evaluate(() => window.smart.request("QuestionnaireResponse").catch((why) => why.status));
  check(asked === 403, "what it did not ask for it does not get");
  const first = await page.evaluate(() => window.smart.state.tokenResponse.access_token);
  await page.evaluate(() => window.smart.refresh());
  const second = await page.evaluate(() => window.smart.state.tokenResponse.access_token);
  check(first !== second, "a new token while nobody is there");
  check(themes(await scores(page)) === "housing", "which sees no more");
  await context.close();
}

/** Where an app sends its user, and what it keeps to itself. */
function wish(scope) {
  const verifier = randomBytes(32).toString("base64url");
  const asked = new URLSearchParams({
    response_type: "code",
    client_id: app.client_id,
    redirect_uri: app.redirect_uri,
    scope,
    state: randomBytes(16).toString("hex"),
    aud: kuopio.fhir,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  return [`${kuopio.issuer}/oauth/authorize?${asked}`, verifier];
}

/** Changes the code that the browser came back with for tokens. */
async function redeemed(page, verifier) {
  const form = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: app.client_id,
    redirect_uri: app.redirect_uri,
    code_verifier: verifier,
    code: new URL(page.url()).searchParams.get("code"),
  });
  const reply = await fetch(kuopio.token_endpoint, { method: "POST", body: form });
  check(reply.status === 200, "its code becomes tokens");
  return reply.json();
}

/** In place of the app's page, which would use the code itself. */
function withoutTheApp(context) {
  return context.route(`${back.origin}/**`, (route) => route.fulfill({ body: "" }));
}

function asks(token, path) {
  return fetch(`${kuopio.fhir}/${path}`, { headers: { authorization: `Bearer ${token.access_token}` } });
}

async function somebodyWithAKeyboard(chromium) {
  console.log("a keyboard alone, and JavaScript off");
  const context = await chromium.newContext({ locale: "fi-FI", javaScriptEnabled: false });
  const page = await context.newPage();
  const [url, verifier] = wish(TWO);
  await page.goto(url);
  // Not whom the other launches are of, so that there is one permission to end.
  await tabbed(page, "button[name=as][value='1']");
  await page.keyboard.press("Enter");
  await page.locator("button[value=allow]").waitFor();
  await tabbed(page, "input[name=scope2]");
  await page.keyboard.press("Space");
  check(!(await page.locator("input[name=scope2]").isChecked()), "Space takes a tick away");
  await tabbed(page, "button[value=allow]");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${back.origin}${back.pathname}*`);
  const token = await redeemed(page, verifier);
  check(token.scope.includes("|housing") && !token.scope.includes("|health"), "and that is not granted");
  check((await asks(token, `Observation?patient=${token.patient}`)).status === 200, "the app reads");
  await page.goto(`${kuopio.issuer}/oauth/permissions`);
  check((await page.locator("button[name=end]").count()) === 1, "they see what they let the app do");
  await tabbed(page, "button[name=end]");
  await page.keyboard.press("Enter");
  await page.locator("[role=status]").waitFor();
  check((await page.locator("button[name=end]").count()) === 0, "and end it");
  check((await asks(token, `Observation?patient=${token.patient}`)).status === 401, "the app reads no more");
  await context.close();
}

/** Every page in one language, in light or dark. */
async function thePages(chromium, language, colorScheme) {
  console.log(`the pages in ${language}, ${colorScheme}`);
  const context = await chromium.newContext({ locale: language, colorScheme, viewport: { width: 390, height: 844 } });
  await withoutTheApp(context);
  const page = await context.newPage();
  const judged = async (what, sign) => {
    await page.locator(sign).first().waitFor();
    check((await page.locator("html").getAttribute("lang")) === language, `${what} speaks ${language}`);
    await pictured(page, `${language}-${colorScheme}-${what}`.replaceAll(" ", "-"));
    await flawless(page, what);
    await fitting(page, what);
  };
  const [url, verifier] = wish(ALL);
  await page.goto(url);
  await judged("login", "button[name=as]");
  await page.locator("button[name=as]").first().click();
  await judged("scopes", "button[value=allow]");
  // With what must be put right first.
  for (const box of await page.locator("input[type=checkbox]").all()) await box.uncheck();
  await page.locator("button[value=allow]").click();
  await judged("scopes again", "[role=alert]");
  await page.locator("button[value=allow]").click();
  await page.waitForURL(`${back.origin}${back.pathname}*`);
  const token = await redeemed(page, verifier);
  await page.goto(`${kuopio.issuer}/oauth/permissions`);
  await judged("permissions", "button[name=end]");
  await page.locator("button[name=end]").last().click();
  await judged("permission ended", "[role=status]");
  await page.goto(`${kuopio.issuer}/oauth/authorize?client_id=nobody`);
  await judged("unknown app", "h1");
  await context.close();
  return token;
}

/** The person's own pages, in one language. */
async function theirPages(chromium, language) {
  const [url, verifier] = wish(ALL);
  const login = await chromium.newContext({ locale: language });
  await withoutTheApp(login);
  const first = await login.newPage();
  await first.goto(url);
  await first.locator("button[name=as]").first().click();
  await first.locator("button[value=allow]").click();
  await first.waitForURL(`${back.origin}${back.pathname}*`);
  const token = await redeemed(first, verifier);
  await login.close();
  const context = await chromium.newContext({
    locale: language,
    extraHTTPHeaders: { authorization: `Bearer ${token.access_token}` },
  });
  const page = await context.newPage();
  for (const [what, operation] of [["circle", "$circle-of-life"], ["plan", "$collective-plan"]]) {
    const reply = await page.goto(`${kuopio.fhir}/Patient/${token.patient}/${operation}`);
    check(reply.headers()["content-type"].startsWith("text/html"), `a page of the ${what} in ${language}`);
    check((await page.locator("html").getAttribute("lang")) === language, `it speaks ${language}`);
    await flawless(page, `${language} ${what}`);
    for (const width of [320, 768, 1280]) {
      for (const forcedColors of ["none", "active"]) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ forcedColors });
        const name = `${language} ${what} ${width} ${forcedColors === "active" ? "forced colours" : "own colours"}`;
        await pictured(page, name.replaceAll(" ", "-"));
        await fitting(page, name);
      }
    }
    await page.emulateMedia({ forcedColors: "none" });
  }
  await context.close();
}

const server = await serves();
const chromium = await opened([`${SANDBOX}/kuopio/tls.pem`]);
try {
  await anAppInAPage(chromium);
  await somebodyWithAKeyboard(chromium);
  for (const language of ["fi", "sv", "en"]) {
    await thePages(chromium, language, language === "sv" ? "dark" : "light");
    await theirPages(chromium, language);
  }
} finally {
  await chromium.close();
  server.close();
}
console.log("Every page does what it must.");
