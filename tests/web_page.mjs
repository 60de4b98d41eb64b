// Opens the page in Chromium, gives it inputs and says what it gave: node web_page.mjs URL PLAYWRIGHT CHROMIUM INPUTS.json [SCREENSHOT]
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
const [url, playwright, executablePath, inputs, shot] = process.argv.slice(2);
const {chromium} = createRequire(import.meta.url)(playwright);
const browser = await chromium.launch({executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync']});
try {
  const page = await browser.newPage({viewport: {width: 1100, height: 900}}), errors = [];
  page.on('pageerror', error => errors.push(String(error)));
  page.on('console', message => message.type() === 'error' && errors.push(message.text()));
  await page.goto(url);
  await page.waitForSelector('body[data-ready]', {timeout: 120000});
  const {calls, files} = JSON.parse(readFileSync(inputs)), results = {};
  for (const [verb, arrays] of Object.entries(calls))
    results[verb] = await page.evaluate(async ([v, a]) => {
      const out = await zoo.run(v, a);
      return Object.fromEntries(Object.entries(out).map(([name, values]) => [name, [...values]]));
    }, [verb, arrays]);
  let losses = null;
  if (files.length) {
    await page.setInputFiles('#files', files);
    await page.waitForSelector(`#dropped figure:nth-child(${files.length}), #problem:not(:empty)`, {timeout: 60000});
    if (await page.isVisible('#train')) losses = await page.evaluate(() => zoo.train());
  }
  const problem = await page.textContent('#problem'), status = await page.textContent('#status');
  if (shot) for (const scheme of ['light', 'dark']) for (const width of [1100, 390]) {
    await page.emulateMedia({colorScheme: scheme}); await page.setViewportSize({width, height: 900});
    await page.screenshot({path: `${shot}-${scheme}-${width}.png`, fullPage: true});
  }
  console.log(JSON.stringify({results, losses, errors, problem, status, wide: await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)}));
} finally { await browser.close(); }
