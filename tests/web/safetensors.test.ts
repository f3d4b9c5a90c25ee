// The file format: what is written is read back, and a file that is not as it has to be is refused with its reason.
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../web/src/engine/errors';
import { readSafetensors, safetensorsParts } from '../../web/src/state/safetensors';

const encode = (text: string) => new TextEncoder().encode(text);

async function joined(parts: BlobPart[]): Promise<ArrayBuffer> {
  return new Blob(parts).arrayBuffer();
}

/** A file of this header and so many bytes of data. */
function fileOf(header: string | Uint8Array<ArrayBuffer>, data = 0): Promise<ArrayBuffer> {
  const text = typeof header === 'string' ? encode(header) : header;
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(text.length), true);
  return joined([length.buffer, text, new Uint8Array(data)]);
}

function problemOf(file: ArrayBuffer) {
  try {
    readSafetensors(file);
  } catch (thrown) {
    if (thrown instanceof EngineError) return thrown.problems[0];
    throw thrown;
  }
  throw new Error('it was read');
}

const entry = (change: object = {}) => ({
  dtype: 'F32',
  shape: [2],
  data_offsets: [0, 8],
  ...change,
});

describe('a file that is written', () => {
  it('has its numbers at a multiple of 8, and is read back', async () => {
    const parts = safetensorsParts(
      [
        { name: 'a', shape: [2, 1], numbers: Float32Array.of(1.5, -2) },
        { name: 'b', shape: [1], numbers: Float32Array.of(3) },
        { name: 'none', shape: [0, 4], numbers: new Float32Array(0) },
      ],
      { text: 'ä "quoted"\n' },
    );
    expect((parts[0]?.byteLength ?? NaN) % 8).toBe(0);
    const { tensors, metadata } = readSafetensors(await joined(parts));
    expect([...metadata]).toEqual([['text', 'ä "quoted"\n']]);
    const read = [...tensors.values()].map(({ name, dtype, shape, bytes }) => [
      name,
      dtype,
      shape,
      [...new Float32Array(bytes.slice().buffer)],
    ]);
    expect(read).toEqual([
      ['a', 'F32', [2, 1], [1.5, -2]],
      ['b', 'F32', [1], [3]],
      ['none', 'F32', [0, 4], []],
    ]);
  });

  it('may have its tensors in any order, and spaces behind the header', async () => {
    const header = JSON.stringify({ b: entry({ data_offsets: [8, 16] }), a: entry() });
    const { tensors } = readSafetensors(await fileOf(`${header}   `, 16));
    expect([...tensors.keys()]).toEqual(['a', 'b']);
  });
});

describe('what is refused', () => {
  it('is a file that is cut anywhere', async () => {
    const whole = await joined(
      safetensorsParts([{ name: 'a', shape: [3], numbers: new Float32Array(3) }], { format: 'x' }),
    );
    for (let length = 0; length < whole.byteLength; length++) {
      expect(problemOf(whole.slice(0, length))?.allowed).toContain('truncated');
    }
    expect(problemOf(await joined([whole, new Uint8Array(1)]))).toMatchObject({ field: 'file' });
  });

  it('is a length that no header has', async () => {
    const length = new Uint8Array(16).fill(0xff, 0, 8);
    expect(problemOf(await joined([length]))).toMatchObject({ field: 'header' });
  });

  const wrong: [string, object | string, string][] = [
    ['no object', '[1]', 'header'],
    ['no JSON', '{"a": ', 'header'],
    [
      'a tensor given twice',
      `{"a": ${JSON.stringify(entry())}, "a": ${JSON.stringify(entry())}}`,
      'header',
    ],
    ['a text given twice', '{"__metadata__": {"x": "\\":", "x": "2"}}', 'header'],
    ['metadata that is none', { __metadata__: [] }, '__metadata__'],
    ['metadata of numbers', { __metadata__: { x: 1 } }, '__metadata__.x'],
    ['an entry that is none', { a: 7 }, 'a'],
    ['an entry with more to it', { a: entry({ more: 1 }) }, 'a'],
    ['an unknown type', { a: entry({ dtype: 'F31' }) }, 'a.dtype'],
    ['a type of every object', { a: entry({ dtype: 'constructor' }) }, 'a.dtype'],
    ['half a row', { a: entry({ shape: [0.5] }) }, 'a.shape'],
    ['less than no rows', { a: entry({ shape: [-2] }) }, 'a.shape'],
    ['another shape than its data', { a: entry({ shape: [3] }) }, 'a.shape'],
    ['more than there can be', { a: entry({ shape: [2 ** 40, 2 ** 40] }) }, 'a.shape'],
    ['one offset', { a: entry({ data_offsets: [8] }) }, 'a.data_offsets'],
    ['offsets back to front', { a: entry({ data_offsets: [8, 0] }) }, 'a.data_offsets'],
    ['a hole', { a: entry({ data_offsets: [8, 16] }) }, 'a.data_offsets'],
    ['an overlap', { a: entry(), b: entry({ data_offsets: [4, 12] }) }, 'b.data_offsets'],
    [
      'data beyond the end',
      { a: entry(), b: entry({ data_offsets: [8, 16] }), c: entry({ data_offsets: [16, 24] }) },
      'file',
    ],
    ['data of no tensor', {}, 'file'],
  ];
  it.each(wrong)('is a header with %s', async (_what, header, field) => {
    const text = typeof header === 'string' ? header : JSON.stringify(header);
    expect(problemOf(await fileOf(text, 16))).toMatchObject({ field });
  });

  it('is text in another encoding', async () => {
    expect(problemOf(await fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)))).toMatchObject({
      field: 'header',
    });
  });
});
