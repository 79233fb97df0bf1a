// Opens views in headless Chromium, takes their pictures, and tells what the pages say.
//   node shot.mjs SERVER < views.json > reports.json
// A view: { dashboard, theme, width, variables: { run }, parameters: { from, to, scrape, open },
//           picture, most }
// `open` opens the rows that are closed at first. A picture shows no more than `most` of a page.
import { readFileSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const WIDTH = 1600;
const DRAWN_MS = 60_000;
const LOW = 800;
const TALL = 4200; // a page that grows draws its panels anew
const SAME_MS = 150;
const IDLE_MS = 300; // after the last answer come icons and fonts

const server = process.argv[2];
const views = JSON.parse(readFileSync(0, 'utf-8'));
const AT_ONCE = Math.min(2, views.length);
// Chromium has no sandbox for root; it sees nothing here but pages of ours.
const FLAGS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--hide-scrollbars'];
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const args = [...FLAGS, '--force-color-profile=srgb'];

const reports = [];
const waiting = views.entries();
await Promise.all(Array.from({ length: AT_ONCE }, work));
process.stdout.write(JSON.stringify(reports, null, 2));

/** Looks at one view after the other, as long as there are any. A page behind another is not drawn. */
async function work() {
  const browser = await puppeteer.launch({ executablePath, args });
  try {
    for (const [i, view] of waiting) {
      reports[i] = await look(browser, view);
    }
  } finally {
    await browser.close();
  }
}

async function look(browser, view) {
  const page = await browser.newPage();
  const noticed = [];
  listen(page, (message) => noticed.push(message));
  await page.emulateTimezone('UTC');
  await page.setViewport({ width: view.width ?? WIDTH, height: view.picture ? TALL : LOW });
  await page.goto(addressOf(view));
  await page
    .waitForFunction(() => window.preview?.isDrawn(), { timeout: DRAWN_MS })
    .catch((error) => noticed.push(`not drawn: ${error.message}`));
  await page.waitForNetworkIdle({ idleTime: IDLE_MS });
  await page.evaluate(settled, SAME_MS);
  const told = await page.evaluate(said);
  if (view.picture) {
    const height = Math.min(view.most ?? TALL, await page.evaluate(bottom));
    const clip = { x: 0, y: 0, width: view.width ?? WIDTH, height };
    // To look beyond the window, Chromium would resize it.
    await page.screenshot({ path: view.picture, clip, captureBeyondViewport: false });
  }
  await page.close();
  return { ...view, ...told, errors: [...noticed, ...told.errors] };
}

function listen(page, notice) {
  page.on('pageerror', (error) => notice(`page: ${error.stack ?? error}`));
  page.on('console', (message) => message.type() === 'error' && notice(`console: ${message.text()}`));
  page.on('response', (response) => response.status() >= 400 && notice(`${response.status()}: ${response.url()}`));
}

function said() {
  return {
    errors: window.preview?.errors() ?? [],
    panels: window.preview?.panels() ?? [],
    links: [...document.querySelectorAll('a[href*="/d/"]')].map((link) => link.getAttribute('href')),
    background: getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).map(Number),
  };
}

/** Until what the panels say is the same in two idle moments: React draws when it has time. */
async function settled(pause) {
  const frame = (then) => requestAnimationFrame(() => requestIdleCallback(then));
  const idle = () => new Promise((resolve) => setTimeout(() => frame(resolve), pause));
  const saying = () => JSON.stringify(window.preview?.panels());
  for (let before = null, tries = 0; before !== saying() && tries < 100; tries++) {
    before = saying();
    await idle();
  }
}

/** Where the last panel ends, and a little more. */
function bottom() {
  const items = [...document.querySelectorAll('[data-griditem-key]')];
  return 16 + Math.max(100, ...items.map((item) => item.getBoundingClientRect().bottom));
}

function addressOf({ dashboard, theme = 'dark', variables = {}, parameters = {} }) {
  const asked = new URLSearchParams({ theme, ...parameters });
  for (const [name, value] of Object.entries(variables)) {
    [value].flat().forEach((one) => asked.append(`var-${name}`, one));
  }
  return `${server}/d/${dashboard}?${asked}`;
}
