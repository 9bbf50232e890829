// Opens a report in headless Chromium without a network and says what is wrong with it:
// requests, errors of the console, what axe-core finds, how long the first figure takes.
// Usage: node check.mjs REPORT [FOLDER-FOR-PICTURES]; scripts/check-page calls it.
import { createRequire } from "node:module";
import { mkdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.env.CHECK_PAGE_MODULES}/`));
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");

const [report, pictures] = process.argv.slice(2);
const address = pathToFileURL(resolve(report)).href;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--enable-unsafe-swiftshader"],
});
let isBad = false;
const complain = (text) => { isBad = true; console.log(`BAD: ${text}`); };

async function open(width, colorScheme) {
  // axe-core is no part of the page: its policy is lifted for it, and kept elsewhere.
  const context = await browser.newContext({
    viewport: { width, height: 900 }, colorScheme, offline: true,
  });
  const page = await context.newPage();
  const requests = [];
  page.on("request", (one) => { if (one.url() !== address) requests.push(one.url()); });
  page.on("console", (one) => {
    if (["error", "warning"].includes(one.type())) {
      const text = one.text();
      // What this machine's software renderer says of itself.
      if (!/GPU stall|GL Driver|swiftshader|WebGL context/i.test(text)) complain(`console: ${text}`);
    }
  });
  page.on("pageerror", (error) => complain(`error: ${error.message}`));
  await page.goto(address);
  await page.locator(".plot").first().scrollIntoViewIfNeeded();
  await page.waitForFunction(() => window.hpcoptFirstFigure, null, { timeout: 30000 });
  const first = await page.evaluate(() => Math.round(window.hpcoptFirstFigure));
  // Figures are drawn when they come into view.
  await page.evaluate(async () => {
    const until = performance.now() + 90000;
    for (const place of document.querySelectorAll(".plot")) {
      place.scrollIntoView();
      while (!place.classList.contains("js-plotly-plot") && performance.now() < until) {
        await new Promise((done) => setTimeout(done, 50));
      }
    }
    scrollTo(0, 0);
  });
  return { page, context, requests, first };
}

async function check(width, colorScheme) {
  const { page, context, requests, first } = await open(width, colorScheme);
  const counts = await page.evaluate(() => ({
    figures: document.querySelectorAll(".plot").length,
    drawn: document.querySelectorAll(".js-plotly-plot").length,
    rows: document.querySelectorAll("table.trials tbody tr").length,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  }));
  const name = `${width} ${colorScheme}`;
  console.log(`${name}: first figure ${first} ms; ${JSON.stringify(counts)}; ` +
    `${requests.length} requests`);
  if (requests.length) complain(`${name}: requests ${requests}`);
  if (counts.drawn < counts.figures) complain(`${name}: ${counts.figures - counts.drawn} not drawn`);
  if (counts.wide > 0) complain(`${name}: ${counts.wide} pixels wider than the window`);
  // Through the debugger, which the page's policy is not about.
  const source = (await import("node:fs")).readFileSync(axe, "utf8");
  const session = await context.newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: source });
  const found = await page.evaluate(() => window.axe.run(document, {
    resultTypes: ["violations"] }));
  for (const one of found.violations) {
    const text = `${name}: axe ${one.impact}: ${one.id}: ${one.help}: ` +
      one.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ");
    if (["serious", "critical"].includes(one.impact)) complain(text);
    else console.log(text);
  }
  if (pictures) {
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: `${pictures}/${width}-${colorScheme}.png`, fullPage: true, timeout: 120000 });
  }
  await context.close();
}

// What a person does: sort, filter, brush, look at a trial, by keyboard.
async function use() {
  const { page, context } = await open(1400, "light");
  const rows = () => page.locator("table.trials").first().locator("tbody tr").count();
  const told = () => page.locator(".told").first().textContent();
  console.log(`table: ${await told()}`);
  const heads = page.locator("table.trials").first().locator("th button");
  await heads.nth(1).press("Enter");
  const sorted = await page.locator("table.trials th[aria-sort]").first().getAttribute("aria-sort");
  if (sorted !== "ascending") complain("a header does not sort");
  await page.locator(".filter").first().fill("trial<5");
  await page.waitForTimeout(300);
  if ((await rows()) > 5) complain("the filter does not filter");
  console.log(`trial<5: ${await told()}`);
  await page.locator(".clear").first().click();
  const brushed = await page.evaluate(async () => {
    const place = document.querySelector(".parcoords-place");
    if (!place || !place.data) return null;
    const values = [...place.data[0].dimensions[0].values].sort((a, b) => a - b);
    const middle = values[Math.floor(values.length / 2)];
    await window.Plotly.restyle(place, {
      "dimensions[0].constraintrange": [[[values[0], middle]]] });
    return document.querySelector(".told").textContent;
  });
  console.log(`brushed: ${brushed}`);
  await page.locator(".clear").first().click();
  await page.waitForTimeout(300);
  // An axis that a person has moved still filters by its own values.
  await page.locator(".parcoords-place").first().scrollIntoViewIfNeeded();
  const title = await page.locator(".parcoords-place .axis-title").first().boundingBox();
  await page.mouse.move(title.x + title.width / 2, title.y + title.height / 2);
  await page.mouse.down();
  await page.mouse.move(title.x + 160, title.y, { steps: 8 });
  await page.mouse.move(title.x + 320, title.y, { steps: 8 });
  await page.mouse.up();
  const moved = await page.evaluate(async () => {
    const place = document.querySelector(".parcoords-place");
    const dimensions = place.data[0].dimensions;
    const k = dimensions.findIndex((one) => one.name === "0");
    const sorted = [...dimensions[k].values].sort((a, b) => a - b);
    const middle = sorted[Math.floor(sorted.length / 4)];
    await window.Plotly.restyle(place, {
      [`dimensions[${k}].constraintrange`]: [[[sorted[0], middle]]] });
    const told = document.querySelector(".told").textContent;
    const found = told.startsWith("0") ? "0" : /of (\d+) trials/.exec(told)[1];
    return [k, Number(found), sorted.filter((value) => value <= middle).length];
  });
  console.log(`first axis, moved to ${moved[0]}: ${moved[1]} of ${moved[2]} trials`);
  if (moved[0] === 0) complain("an axis could not be moved");
  if (moved[1] !== moved[2]) complain("an axis that was moved filters by another");
  await page.locator(".clear").first().click();
  await page.locator("table.trials tbody button").first().press("Enter");
  await page.waitForSelector("dialog[open]");
  await page.waitForTimeout(300);
  console.log(`trial: ${(await page.locator("dialog").innerText()).slice(0, 300).replaceAll("\n", " · ")}`);
  if (pictures) await page.screenshot({ path: `${pictures}/trial.png` });
  await page.keyboard.press("Escape");
  if (await page.locator("dialog[open]").count()) complain("Escape does not close a trial");
  const jumped = await page.evaluate(() => {
    const place = document.querySelector("[data-experiment] .plot[data-figure].js-plotly-plot");
    place.emit("plotly_click", { points: [{ ...place.calcdata?.[0]?.[0], data: place.data[0],
      text: place.data[0].text?.[0], x: place.data[0].x[0] }] });
    return location.hash;
  });
  console.log(`a click on a point goes to ${jumped}`);
  await context.close();
}

console.log(`${report}: ${statSync(report).size} bytes`);
for (const width of [1400, 400]) {
  for (const scheme of ["light", "dark"]) await check(width, scheme);
}
await use();
await browser.close();
process.exit(isBad ? 1 : 0);
