import { chromium } from '@playwright/test';
import { serve } from '../../web/serve.mjs';
import { launchOptions, setUpChromium } from '../e2e/chromium.mjs';
const [tier, suites, threads='1', ms='200'] = process.argv.slice(2);
const server = await serve({ root: process.cwd() });
const browser = await chromium.launch(launchOptions(await setUpChromium()));
const page = await browser.newPage();
await page.goto(new URL('web/icon.svg', server.url).href).catch(()=>{});
await page.goto(new URL('package.json', server.url).href);
for (const suite of suites.split(',')) {
  const lines = await page.evaluate(async ([url, args]) => {
    const source = `onmessage = async ({data}) => { const { default: start } = await import(data.url); const lines=[]; 
      await start({ arguments: data.args, print: (l) => lines.push(l), printErr: (l) => lines.push('ERR '+l), onExit: () => postMessage(lines) }); };`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), { type: 'module' });
    return await new Promise((resolve, reject) => { worker.onmessage = (e) => resolve(e.data); worker.onerror = (e) => reject(new Error(e.message)); worker.postMessage({ url, args }); });
  }, [new URL(`build/wasm-${tier}/tests/bench/flowmatch_bench.mjs`, server.url).href, [suite, threads, ms]]);
  console.log(lines.join('\n'));
}
await browser.close(); await server.close();
