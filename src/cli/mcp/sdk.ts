import { UsageError } from '../errors';

const name = '@modelcontextprotocol/server';

/** What the server needs of the MCP SDK. */
export type Sdk = Awaited<ReturnType<typeof loadSdk>>;

/** Loads the MCP SDK, which users install themselves. @throws UsageError when it is not installed */
export async function loadSdk() {
  try {
    const [{ McpServer, fromJsonSchema }, { StdioServerTransport, serveStdio }] = await Promise.all([
      import('@modelcontextprotocol/server'),
      import('@modelcontextprotocol/server/stdio'),
    ]);
    return { McpServer, fromJsonSchema, StdioServerTransport, serveStdio };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    if (!isMissing || !message.includes(name)) throw error;
    throw new UsageError(`mcp needs the package ${name}, which is not installed: npm install ${name}`);
  }
}
