// Runs the Catch2 suite as compiled to WebAssembly: node under-node.mjs PROGRAM.mjs [CATCH2 OPTION ...]
// The program is a module that exports how to start it, and ends the process with Catch2's own status.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [program, ...options] = process.argv.slice(2);
const { default: start } = await import(pathToFileURL(resolve(program)).href);
await start({ arguments: options });
