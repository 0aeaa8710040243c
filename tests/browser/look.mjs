// Opens a report in Chromium as its readers do: desktop, phone, dark, print. Writes pictures, and prints one JSON document
// with everything that is wrong: requests, dialogs, console messages, sideways scrolling, axe violations.
// Use: node look.mjs REPORT.html FOLDER [one]; with `one`, axe looks at the first view alone, and pictures show the top: of a report of sixty hosts,
// which is very long, either takes minutes where the machine is busy.
import { createRequire } from 'node:module';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [report, folder, extent] = process.argv.slice(2);
const url = pathToFileURL(resolve(report)).href;
mkdirSync(folder, { recursive: true });

const named = ['chromium', 'chromium-browser', 'google-chrome'];
const places = (process.env.PATH ?? '').split(delimiter).flatMap((place) => named.map((name) => join(place, name)));
const executablePath = places.find((path) => existsSync(path));
if (!executablePath) {
  console.error('no Chromium on PATH; scripts/setup installs it');
  process.exit(2);
}

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const faults = [];
// How long the machine takes is no fault of the report.
const PATIENCE = 300_000;
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

const views = [
  { name: 'desktop', viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  { name: 'phone', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  { name: 'dark', viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  { name: 'print', viewport: { width: 794, height: 1123 }, colorScheme: 'light', media: 'print' },
];

for (const view of views) {
  const { name, viewport, colorScheme, media } = view;
  // First as it is, with script switched on and every request noted.
  const context = await browser.newContext({ viewport, colorScheme, javaScriptEnabled: true });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const fault = (what) => faults.push({ view: name, what });
  page.on('request', (request) => { if (request.url() !== url) fault(`request: ${request.url()}`); });
  page.on('dialog', (dialog) => { fault(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('console', (message) => fault(`console: ${message.text()}`));
  page.on('pageerror', (error) => fault(`script error: ${error.message}`));
  if (media) await page.emulateMedia({ media, colorScheme });
  await page.goto(url);
  const measure = () => ({
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    planted: globalThis.planted === undefined ? null : String(globalThis.planted),
    scripts: document.querySelectorAll('script').length,
    handlers: [...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((n) => n.startsWith('on')).length,
  });
  const seen = await page.evaluate(measure);
  if (seen.wide > 0) fault(`the page scrolls sideways by ${seen.wide} pixels`);
  if (seen.planted !== null) fault(`planted script ran: ${seen.planted}`);
  if (seen.scripts > 0) fault(`${seen.scripts} script elements`);
  if (seen.handlers > 0) fault(`${seen.handlers} event handler attributes`);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: extent !== 'one' });
  if (media) await page.pdf({ path: join(folder, 'report.pdf'), format: 'A4', printBackground: true });
  await context.close();

  if (extent === 'one' && view !== views[0]) continue;
  // Then with axe brought in past the page's policy; everything that folds is unfolded, so that it is looked at too.
  const lab = await browser.newContext({ viewport, colorScheme, bypassCSP: true });
  lab.setDefaultTimeout(PATIENCE);
  const tested = await lab.newPage();
  if (media) await tested.emulateMedia({ media, colorScheme });
  await tested.goto(url);
  await tested.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
  await tested.addScriptTag({ path: axe });
  const result = await tested.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  for (const violation of result.violations) {
    const where = violation.nodes.slice(0, 3).map((node) => node.target.join(' '));
    fault(`axe ${violation.id}: ${violation.help} (${violation.nodes.length} times, such as ${where.join('; ')})`);
  }
  const wide = await tested.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) fault(`unfolded, the page scrolls sideways by ${wide} pixels`);
  await lab.close();
}
await browser.close();
console.log(JSON.stringify({ views: views.map((view) => view.name), faults }, null, 1));
process.exit(faults.length === 0 ? 0 : 1);
