/**
 * The safetensors format (https://github.com/huggingface/safetensors, "Format"): named arrays and a table of texts in
 * one file, as the core reads and writes it (core/io/include/flowmatch/io/safetensors.h).
 *
 *   8 bytes    n, the length of the header, little-endian
 *   n bytes    the header: JSON, from each tensor's name to its dtype, shape and data_offsets, and from
 *              "__metadata__" to an object of texts; spaces may follow
 *   the rest   the numbers, little-endian and row-major; offsets count from here, and leave no hole
 *
 * Numbers are copied as they lie in memory, which is little-endian wherever WebAssembly runs fast.
 *
 * Not here: which tensors a model has (checkpoint.ts).
 */
import { EngineError } from '../engine/errors';
import type { Problem } from '../engine/protocol';

/** A tensor that is to be written. */
export interface FloatTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** As many as the shape says. */
  readonly numbers: Float32Array<ArrayBuffer>;
}

/** One that was read. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

const metadataKey = '__metadata__';
const lengthBytes = 8;
/** The longest header that the format allows. */
const maxHeaderBytes = 100_000_000;

/** Bytes of a number of each type that the format has. */
const sizes: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

/** The parts of a file, tensors in the order given, their data beginning at a multiple of 8. */
export function safetensorsParts(
  tensors: readonly FloatTensor[],
  metadata: Readonly<Record<string, string>>,
): (Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>)[] {
  const header: Record<string, unknown> = { [metadataKey]: metadata };
  let offset = 0;
  for (const { name, shape, numbers } of tensors) {
    const end = offset + numbers.byteLength;
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const start = new Uint8Array(lengthBytes + padded).fill(' '.charCodeAt(0));
  new DataView(start.buffer).setBigUint64(0, BigInt(padded), true);
  start.set(text, lengthBytes);
  return [start, ...tensors.map(({ numbers }) => numbers)];
}

/** Reads a file. Throws an EngineError with what is wrong with it: of several things the first. */
export function readSafetensors(file: ArrayBuffer): TensorFile {
  const bytes = file.byteLength;
  if (bytes < lengthBytes) {
    refuse('file', `${String(bytes)} bytes`, 'at least 8 bytes: it is truncated');
  }
  const length = Number(new DataView(file).getBigUint64(0, true));
  if (length > maxHeaderBytes) {
    const allowed = `at most ${String(maxHeaderBytes)} bytes: it is damaged, or no safetensors file`;
    refuse('header', `${String(length)} bytes`, allowed);
  }
  if (length > bytes - lengthBytes) {
    const value = `${String(bytes - lengthBytes)} bytes after the first 8`;
    refuse('file', value, `at least the ${String(length)} of its header: it is truncated`);
  }
  const header = parseHeader(new Uint8Array(file, lengthBytes, length));
  const tensors: Placed[] = [];
  const metadata = new Map<string, string>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === metadataKey) readMetadata(entry, metadata);
    else tensors.push(readEntry(name, entry));
  }
  return { tensors: place(tensors, new Uint8Array(file, lengthBytes + length)), metadata };
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseHeader(bytes: Uint8Array): Json {
  let json: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith('{')) {
      refuse('header', 'without {', 'a JSON object: it is damaged, or no safetensors file');
    }
    json = JSON.parse(text);
    // The parser takes the last of two keys that are the same.
    let keys = 0;
    for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (colon) keys++;
    if (keys !== keyCount(json)) {
      refuse('header', 'with a key given twice', 'an object with every key given once');
    }
  } catch (thrown) {
    if (thrown instanceof EngineError) throw thrown;
    refuse('header', thrown instanceof Error ? shown(thrown.message) : '', 'JSON in UTF-8');
  }
  return json as Json;
}

function keyCount(json: unknown): number {
  if (typeof json !== 'object' || json === null) return 0;
  const values: unknown[] = Object.values(json);
  const own = Array.isArray(json) ? 0 : values.length;
  return values.reduce<number>((sum, value) => sum + keyCount(value), own);
}

function readMetadata(entry: unknown, metadata: Map<string, string>): void {
  if (!isObject(entry)) refuse(metadataKey, shown(entry), 'an object of texts');
  for (const [name, text] of Object.entries(entry)) {
    if (typeof text !== 'string') refuse(`${metadataKey}.${name}`, shown(text), 'a text');
    metadata.set(name, text);
  }
}

interface Placed {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function isWholeNumbers(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && Number(each) >= 0)
  );
}

/** One entry of the header, without its data. */
function readEntry(name: string, entry: unknown): Placed {
  if (!isObject(entry) || Object.keys(entry).sort().join() !== 'data_offsets,dtype,shape') {
    refuse(shown(name), shown(entry), 'an object of dtype, shape and data_offsets');
  }
  const { dtype, shape, data_offsets: offsets } = entry;
  const size = typeof dtype === 'string' && Object.hasOwn(sizes, dtype) ? sizes[dtype] : undefined;
  if (size === undefined) {
    refuse(`${shown(name)}.dtype`, shown(dtype), 'a type of number that the format has');
  }
  if (!isWholeNumbers(shape)) {
    refuse(`${shown(name)}.shape`, shown(shape), 'an array of whole numbers');
  }
  const [begin = 0, end = -1] = isWholeNumbers(offsets) && offsets.length === 2 ? offsets : [];
  if (begin > end) {
    const allowed = 'two whole numbers, the second not below the first';
    refuse(`${shown(name)}.data_offsets`, shown(offsets), allowed);
  }
  if (shape.reduce((product, extent) => product * extent, size) !== end - begin) {
    const allowed = `as many numbers as its ${String(end - begin)} bytes hold`;
    refuse(`${shown(name)}.shape`, shown(shape), allowed);
  }
  return { name, dtype: dtype as string, shape, begin, end };
}

/** Gives each tensor its data, which has to follow on that of the one before, up to the end. */
function place(all: readonly Placed[], data: Uint8Array<ArrayBuffer>): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  let expected = 0;
  const inOrder = [...all].sort((a, b) => a.begin - b.begin || a.end - b.end);
  for (const { name, dtype, shape, begin, end } of inOrder) {
    if (begin !== expected) {
      const allowed = `${String(expected)}, where the data before it ends`;
      refuse(`${shown(name)}.data_offsets`, String(begin), allowed);
    }
    if (end > data.length) {
      const allowed = `at least ${String(end)} bytes of data: it is truncated`;
      refuse('file', `${String(data.length)} bytes of data`, allowed);
    }
    tensors.set(name, { name, dtype, shape, bytes: data.subarray(begin, end) });
    expected = end;
  }
  if (expected !== data.length) {
    const allowed = `${String(expected)} bytes of data, as its tensors have`;
    refuse('file', `${String(data.length)} bytes of data`, allowed);
  }
  return tensors;
}

/** A value as a message shows it, cut short. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function refuse(field: string, value: string, allowed: string): never {
  const problem: Problem = { field, value, allowed };
  throw EngineError.refused([problem]);
}
