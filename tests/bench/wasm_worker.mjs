// A build of bench.cpp for WebAssembly, run in a worker of the page as the figure's engine is.
//
// The request has the address of the program and its arguments; the answer is { records } or { error }.

self.onmessage = async ({ data: { program, args } }) => {
  try {
    const { default: start } = await import(program);
    const records = [];
    await start({
      arguments: args,
      print: (line) => records.push(JSON.parse(line)),
      onExit: (status) => {
        self.postMessage(status === 0 ? { records } : { error: `exit status ${status}` });
      },
    });
  } catch (error) {
    self.postMessage({ error: String(error?.stack ?? error) });
  }
};
