import { startCli, type CliEnd, type CliEnv, type CliProcess } from './cli';

/** A tool as the server lists it. */
export interface ListedTool {
  name: string;
  description: string;
  inputSchema: { type: string; properties: object; additionalProperties: boolean };
  annotations: { readOnlyHint: boolean; destructiveHint?: boolean };
}

interface Response {
  id?: number;
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
}

/** The answer of a tool. */
export interface ToolAnswer {
  text: string;
  isError: boolean;
}

/** A client that exchanges JSON lines with `mageflow mcp`. */
export class McpClient {
  readonly process: CliProcess;
  private readonly waiting = new Map<number, { resolve: (response: Response) => void; reject: (e: Error) => void }>();
  private lastId = 0;

  /** @param args - options of the command */
  constructor(args: readonly string[], env: CliEnv) {
    this.process = startCli(['mcp', ...args], env);
    const { child } = this.process;
    let rest = '';
    child.stdout?.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.take(line);
    });
    child.once('close', () => {
      const error = new Error(`The server has ended: ${this.process.stderr}`);
      for (const { reject } of this.waiting.values()) reject(error);
    });
  }

  /** Writes a line to stdin. */
  write(line: string): void {
    this.process.child.stdin?.write(`${line}\n`);
  }

  /** Sends a request, and returns its response. */
  request(method: string, params: object = {}): Promise<Response> {
    const id = (this.lastId += 1);
    const response = new Promise<Response>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return response;
  }

  /** Opens a connection as clients do that were written before 2026. */
  async open(): Promise<Record<string, unknown>> {
    const clientInfo = { name: 'test', version: '1' };
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
    const { result } = await this.request('initialize', params);
    this.write(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
    return result!;
  }

  async tools(): Promise<ListedTool[]> {
    return (await this.request('tools/list')).result!['tools'] as ListedTool[];
  }

  /** Calls a tool, whatever comes of it. */
  async call(name: string, args: object = {}): Promise<ToolAnswer> {
    const { result, error } = await this.request('tools/call', { name, arguments: args });
    if (!result) throw new Error(error?.message);
    const { content, isError = false } = result as { content: [{ text: string }]; isError?: boolean };
    return { text: content[0].text, isError };
  }

  /** Calls a tool that succeeds, and returns what it answers. */
  async value<T = Record<string, unknown>>(name: string, args: object = {}): Promise<T> {
    const { text, isError } = await this.call(name, args);
    if (isError) throw new Error(text);
    return JSON.parse(text) as T;
  }

  /** Ends stdin, and waits for the end of the process. */
  end(): Promise<CliEnd> {
    this.process.child.stdin?.end();
    return this.process.end();
  }

  private take(line: string): void {
    const response = JSON.parse(line) as Response;
    const id = response.id ?? 0;
    this.waiting.get(id)?.resolve(response);
    this.waiting.delete(id);
  }
}

/** Returns the lines that are no messages of the protocol. */
export function foreignLines(stdout: string): string[] {
  return stdout.split('\n').filter((line) => {
    if (line === '') return false;
    try {
      return (JSON.parse(line) as { jsonrpc?: string }).jsonrpc !== '2.0';
    } catch {
      return true;
    }
  });
}
