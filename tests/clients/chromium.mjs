// Chromium without a window, and what the tests ask of every page in it.

import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";

import axe from "axe-core";
import { chromium } from "playwright-core";

/** Where pictures of the pages are left, for people who look at them. */
const PICTURES = process.env.MYLIFE_PICTURES;

/** Says what holds, or ends the run. */
export function check(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
  console.log(`  ${what}`);
}

/** A new Chromium with a profile of its own, which trusts these certificates (PEM files) and nobody else's. */
export function opened(certificates) {
  const pins = certificates.map((file) => {
    const key = new X509Certificate(readFileSync(file)).publicKey;
    const der = key.export({ type: "spki", format: "der" });
    return createHash("sha256").update(der).digest("base64");
  });
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--ignore-certificate-errors-spki-list=${pins.join(",")}`,
  ];
  return chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args });
}

/** Leaves a picture of the page, where somebody wants one. */
export async function pictured(page, name) {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
}

/** axe-core finds no fault with the page. */
export async function flawless(page, what) {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => window.axe.run());
  const faults = violations.map(({ id, nodes }) => `${id} (${nodes.map((node) => node.html).join(", ")})`);
  check(passes.length > 0 && faults.length === 0, `${what}: axe-core has nothing against it ${faults.join("; ")}`);
}

/** Nothing of the page is wider than its window. */
export async function fitting(page, what) {
  const over = await page.evaluate(() => {
    const room = document.documentElement.clientWidth;
    const wide = [...document.querySelectorAll("body *")].filter((one) => {
      return one.getBoundingClientRect().right > room + 0.5;
    });
    const names = wide.map((one) => one.tagName);
    return document.documentElement.scrollWidth > room ? ["the page", ...names] : names;
  });
  check(over.length === 0, `${what}: nothing hangs over ${over.join(", ")}`);
}

/** Goes on by Tab until this is in focus, which must show. */
export async function tabbed(page, selector) {
  for (let pressed = 0; pressed < 80; pressed++) {
    await page.keyboard.press("Tab");
    const [there, outline] = await page.evaluate((selector) => {
      const here = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(here);
      return [here.matches(selector), outlineStyle === "none" ? "none" : outlineWidth];
    }, selector);
    if (there) return check(parseFloat(outline) >= 2, `Tab leads to ${selector}, and it shows`);
  }
  throw new Error(`not so: Tab leads to ${selector}`);
}
