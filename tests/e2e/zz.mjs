import { chromium } from '@playwright/test';
import { serve } from '../../web/serve.mjs';
import { launchOptions, setUpChromium } from './chromium.mjs';
const server = await serve({ root: 'dist', isolation: process.argv[2]==='iso' });
const browser = await chromium.launch((()=>{const l=launchOptions(process.env.CH??'/usr/bin/chromium'); if(process.env.EXTRA) l.args.push(...process.env.EXTRA.split(' ')); return l;})());
for (let i = 0; i < 3; i++) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const cdp = await browser.newBrowserCDPSession();
  const events = [];
  cdp.on('Tracing.dataCollected', (d) => events.push(...d.value));
  await cdp.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['devtools.timeline', 'v8.compile', 'v8', 'disabled-by-default-v8.compile', 'blink.user_timing','toplevel','v8.wasm','disabled-by-default-v8.wasm.detailed'] } });
  const t0=Date.now();
  await page.goto(server.url);
  await page.locator('flow-matching[data-first-frame-ms]').waitFor();
  const ms = await page.locator('flow-matching').getAttribute('data-first-frame-ms');
  const done = new Promise((r) => cdp.on('Tracing.tracingComplete', r));
  await cdp.send('Tracing.end'); await done;
  const nav = events.find((e) => e.name === 'navigationStart' || e.name==='ResourceSendRequest');
  const base = Math.min(...events.filter((e) => e.name === 'ResourceSendRequest').map((e) => e.ts));
  console.log('== first frame', ms);
  if (i === 2) {
    const names = {}; for (const e of events) if (e.name === 'thread_name') names[e.pid + ':' + e.tid] = e.args.name;
    const big = events.filter((e) => e.ph === 'X' && e.dur > 3000 && !/RunTask|ThreadControllerImpl|SimpleWatcher|ThreadPool_|Receive|SequenceManager|LocalTask/.test(e.name)).sort((a, b) => a.ts - b.ts);
    for (const e of big) if ((e.ts - base) / 1000 < +ms + 60) console.log(((e.ts - base) / 1000).toFixed(0).padStart(6), (e.dur / 1000).toFixed(0).padStart(5), (names[e.pid + ':' + e.tid] ?? '').slice(0, 22).padEnd(22), e.name, JSON.stringify(e.args?.data?.url ?? e.args?.fileName ?? e.args?.data?.functionName ?? '').slice(-50));
    console.log('chrome://', events.filter((e)=>e.name==='ResourceSendRequest'&&/^chrome:/.test(e.args.data.url)).length, [...new Set(events.filter((e)=>e.name==='ResourceSendRequest'&&/^chrome:/.test(e.args.data.url)).map(e=>new URL(e.args.data.url).host+' '+e.args.data.frame))]);
    for (const e of events.filter((e) => /localhost|127.0/.test(e.args?.data?.url??'') && /ResourceSendRequest|ResourceFinish|ResourceReceiveResponse/.test(e.name))) console.log('   net', ((e.ts - base) / 1000).toFixed(0), e.name, (e.args.data.url ?? e.args.data.requestId).slice(-40));
  }
  await context.close();
}
await browser.close(); await server.close();
