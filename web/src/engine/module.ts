/**
 * The WebAssembly module as the rest of the worker sees it. Its types are generated from the bindings;
 * this is the only file that knows how the module is brought to life.
 */
import type { Experiment, MainModule, Problem as WasmProblem } from '#wasm';
import { EngineError, messageOf } from './errors';
import { fetching } from './fetching';
import type { ModuleFiles, Problem } from './protocol';

export type { Experiment };

/** What the scheduler needs of the small module: little enough for a test to stand in for. */
export interface EngineModule {
  tier(): ReturnType<MainModule['tier']>;
  Experiment: Pick<MainModule['Experiment'], 'create'>;
}

/** And of the whole one. */
export type WholeModule = EngineModule &
  Pick<
    MainModule,
    | 'startLikelihood'
    | 'startDensity'
    | 'startDataLikelihood'
    | 'startTrajectories'
    | 'startReflow'
    | 'parsePoints'
    | 'reach'
    | 'stopState'
    | 'stopMemory'
    | 'restoreStop'
    | 'timeFrequencies'
    | 'version'
  > & { Experiment: Pick<MainModule['Experiment'], 'createOnPairs'> };

/** What most `start…` give: work in slices, or why it is refused. */
export interface RunStart<Result extends object = object> {
  run: { advance(milliseconds: number): boolean; result(): Result; delete(): void } | null;
  problems: WasmProblem[];
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

/** Fetches and runs a module; of the small one the type promises more than there is. `onAbort` is called if it ever stops by itself. */
export async function loadModule(
  { glue, wasm }: ModuleFiles,
  onAbort: (message: string) => void,
): Promise<WholeModule> {
  try {
    const compiling = compile(wasm);
    // Awaited below; until then a failure of it is no unhandled one.
    compiling.catch(() => null);
    const { default: factory } = (await import(/* @vite-ignore */ glue)) as { default: Factory };
    return await new Promise<MainModule>((resolve, reject) => {
      const running = factory({
        instantiateWasm(imports, receive) {
          compiling
            .then(async (module) => {
              receive(await WebAssembly.instantiate(module, imports), module);
            })
            .catch(reject);
          return {};
        },
        onAbort: (what) => {
          onAbort(messageOf(what));
        },
      });
      running.then(resolve, reject);
    });
  } catch (thrown) {
    const message = `The engine could not be started: ${messageOf(thrown)}`;
    throw new EngineError('load_failed', message, [], { cause: thrown });
  }
}

async function compile(url: string): Promise<WebAssembly.Module> {
  const response = await fetch(url, fetching);
  if (!response.ok) throw new Error(`${url} gave status ${String(response.status)}`);
  // Compiling while it arrives asks for the right type, which not every static host sends.
  const type = response.headers.get('content-type') ?? '';
  return type.startsWith('application/wasm')
    ? await WebAssembly.compileStreaming(response)
    : await WebAssembly.compile(await response.arrayBuffer());
}
