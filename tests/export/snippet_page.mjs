// Opens a page that has loaded a snippet, and says what it gives: node snippet_page.mjs URL PLAYWRIGHT CHROMIUM ASKED.json
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
const [url, playwright, executablePath, asked] = process.argv.slice(2);
const {chromium} = createRequire(import.meta.url)(playwright);
const browser = await chromium.launch({executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync']});
try {
  const page = await browser.newPage(), errors = [];
  page.on('pageerror', error => errors.push(String(error)));
  await page.goto(url);
  await page.waitForFunction(() => document.body.dataset.ready, null, {timeout: 120000}).catch(error => errors.push(String(error)));
  const given = JSON.parse(readFileSync(asked));
  const found = await page.evaluate(async ({raw, calls, count}) => {
    const results = await Promise.all(calls.map(async ([verb, arrays]) => Object.fromEntries(
      Object.entries(await model[verb](arrays)).map(([name, values]) => [name, [...values]]))));
    return {results, x: [...snippet.preprocess(raw)], normal: [...snippet.normal(count)]};
  }, given);
  console.log(JSON.stringify({...found, errors}));
} finally { await browser.close(); }
