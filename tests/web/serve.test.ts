import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseEncoding, serve } from '../../web/serve.mjs';

describe('the encoding of an answer', () => {
  const both = ['br', 'gzip'];
  it.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip', 'gzip'],
    ['GZIP;q=0.5', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['br; q=0.0, *;q=0.1', 'gzip'],
    ['*', 'br'],
    ['identity', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s: %s', (header, wanted) => {
    expect(chooseEncoding(header, both)).toBe(wanted);
  });

  it('is none that the server does not have', () => {
    expect(chooseEncoding('br, gzip', ['gzip'])).toBe('gzip');
    expect(chooseEncoding('br, gzip')).toBe(undefined);
  });
});

describe('the server', () => {
  const text = 'let particles = "move"; '.repeat(200);
  let folder: string;
  let server: Awaited<ReturnType<typeof serve>>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flowmatch-serve-'));
    writeFileSync(join(folder, 'script.js'), text);
    writeFileSync(join(folder, 'picture.png'), text);
    server = await serve({ root: folder, encodings: ['br', 'gzip'] });
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  /** Not by fetch, which undoes the encoding. */
  function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
    return new Promise<{
      status: number | undefined;
      headers: Record<string, unknown>;
      body: Buffer;
    }>((resolve, reject) => {
      const url = `http://127.0.0.1:${String(server.port)}/${path}`;
      request(url, { method, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const body = Buffer.concat(parts);
          resolve({ status: response.statusCode, headers: response.headers, body });
        });
      })
        .on('error', reject)
        .end();
    });
  }

  it('sends what the browser takes, and says so', async () => {
    for (const [encoding, decode] of [
      ['br', brotliDecompressSync],
      ['gzip', gunzipSync],
    ] as const) {
      const { headers, body } = await ask('script.js', { 'accept-encoding': encoding });
      expect(headers).toMatchObject({
        'content-encoding': encoding,
        'content-type': 'text/javascript; charset=utf-8',
        'content-length': String(body.length),
        vary: 'Accept-Encoding',
      });
      expect(body.length).toBeLessThan(text.length / 10);
      expect(decode(body).toString()).toBe(text);
    }
  });

  it('sends the file itself to whoever takes nothing else, and pictures to everybody', async () => {
    const plain = await ask('script.js');
    expect(plain.headers).toMatchObject({ vary: 'Accept-Encoding' });
    expect(plain.headers).not.toHaveProperty('content-encoding');
    expect(plain.body.toString()).toBe(text);
    const picture = await ask('picture.png', { 'accept-encoding': 'br' });
    expect(picture.headers).not.toHaveProperty('content-encoding');
    expect(picture.headers).not.toHaveProperty('vary');
  });

  it('says the same to HEAD', async () => {
    const headers = { 'accept-encoding': 'br' };
    const whole = await ask('script.js', headers);
    const { headers: only, body } = await ask('script.js', headers, 'HEAD');
    expect({ ...only, date: '' }).toEqual({ ...whole.headers, date: '' });
    expect(body).toHaveLength(0);
  });

  it('does not send again what has not changed, form by form', async () => {
    const { headers } = await ask('script.js', { 'accept-encoding': 'br' });
    const tag = String(headers['etag']);
    const again = { 'if-none-match': `"other", ${tag}`, 'accept-encoding': 'br' };
    expect((await ask('script.js', again)).status).toBe(304);
    expect((await ask('script.js', { ...again, 'accept-encoding': 'gzip' })).status).toBe(200);
  });
});
