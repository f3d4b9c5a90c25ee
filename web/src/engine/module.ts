/**
 * The WebAssembly module as the rest of the worker sees it. Its types are generated from the bindings;
 * this is the only file that knows how the module is brought to life.
 */
import type { Experiment, MainModule, Problem as WasmProblem } from '#wasm';
import { EngineError, messageOf } from './errors';
import type { Problem, Start } from './protocol';

export type { Experiment };

/** What the scheduler needs of the module: small enough for a test to stand in for. */
export interface EngineModule {
  tier(): ReturnType<MainModule['tier']>;
  Experiment: Pick<MainModule['Experiment'], 'create'>;
}

/** A string may go into the module in several forms; what comes out is always a string. */
export function problemsOf(problems: readonly WasmProblem[]): Problem[] {
  return problems as Problem[];
}

/** The options of Emscripten's factory that are used here. */
interface FactoryOptions {
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): object;
  onAbort(what: unknown): void;
}

type Factory = (options: FactoryOptions) => Promise<MainModule>;

/** Runs the module that the page has compiled. `onAbort` is called if it ever stops by itself. */
export async function loadModule(
  start: Start,
  onAbort: (message: string) => void,
): Promise<EngineModule> {
  try {
    const { default: factory } = (await import(/* @vite-ignore */ start.glue)) as {
      default: Factory;
    };
    return await new Promise<MainModule>((resolve, reject) => {
      const loading = factory({
        instantiateWasm(imports, receive) {
          WebAssembly.instantiate(start.module, imports).then((instance) => {
            receive(instance, start.module);
          }, reject);
          return {};
        },
        onAbort: (what) => {
          onAbort(messageOf(what));
        },
      });
      loading.then(resolve, reject);
    });
  } catch (thrown) {
    throw new EngineError(
      'load_failed',
      `The engine could not be started: ${messageOf(thrown)}`,
      [],
      {
        cause: thrown,
      },
    );
  }
}
