import type { Command } from 'commander';
import { newCommand } from '../command';
import { targetOf, type ConnectionOptions } from '../connection';
import { InterruptedError } from '../errors';
import { onInterrupt } from '../interrupt';
import { toStderr } from '../output';

interface Options extends ConnectionOptions {
  allowWrites?: boolean;
}

/** `mageflow mcp` @param version - of mageflow, for clients */
export function mcpCommand(version: string): Command {
  return newCommand('mcp', 'Serve these commands to agents: an MCP server on stdin and stdout', 'mcp --allow-writes')
    .option('--allow-writes', 'also suspend, resume, cancel, close, remove, retry, update, run and add')
    .action(async (options: Options) => {
      // What is missing is said at once, and not by the first tool that is called.
      targetOf(options);
      const [{ loadSdk }, { serve }, { Session }] = await Promise.all([
        import('../mcp/sdk'),
        import('../mcp/serve'),
        import('../mcp/session'),
      ]);
      const sdk = await loadSdk();
      if (process.stdin.isTTY)
        toStderr('This speaks the Model Context Protocol: configure a client to start it. Ctrl-D ends it.');
      const session = new Session(options);
      const signal = onInterrupt();
      try {
        await serve(sdk, session, { version, allowsWrites: options.allowWrites ?? false, signal });
      } finally {
        await session.close();
      }
      if (signal.aborted) throw new InterruptedError('Interrupted.');
    });
}
