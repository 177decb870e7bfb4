import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { scripts } from '../../src/store/scripts.generated';

const src = path.resolve(__dirname, '../../src');

/** What the two services are called through, and which argument names the call. */
const gates = [
  { service: 'redis', method: 'use', on: /(^|\.)redis$/, from: 'store/connection.ts' },
  { service: 'engine', method: 'ask', on: /^this$/, from: 'hatchet/client.ts' },
] as const;

export interface FaultPoints {
  /** Names without "before" and "after", sorted. */
  names: string[];
  /** Calls of a service that pass no fault point, as "file:line text". */
  bare: string[];
}

/** Reads the code for every call to Redis and to the engine: the names of its fault points, and the calls that have none. */
export function readFaultPoints(): FaultPoints {
  const names = new Set(Object.keys(scripts).map((name) => `redis ${name}`));
  const bare: string[] = [];
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.generated.ts')) continue;
    // The testing kit has both services in its own process.
    if (file.startsWith(`testing${path.sep}`)) continue;
    const source = ts.createSourceFile(file, readFileSync(path.join(src, file), 'utf8'), ts.ScriptTarget.Latest, true);
    visit(source, source, names, bare);
  }
  return { names: [...names].sort(), bare };
}

function visit(node: ts.Node, source: ts.SourceFile, names: Set<string>, bare: string[]): void {
  if (ts.isCallExpression(node)) {
    const name = pointOf(node);
    if (name !== undefined) names.add(name);
    else if (isServiceCall(node) && !isInsideGate(node) && !isAllowed(node, source)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      bare.push(`${source.fileName}:${line + 1} ${node.expression.getText()}`);
    }
  }
  ts.forEachChild(node, (child) => visit(child, source, names, bare));
}

/** The point that a call passes, when it is one of those through which the services are called. */
function pointOf({ expression, arguments: given }: ts.CallExpression): string | undefined {
  if (ts.isIdentifier(expression) && expression.text === 'betweenFaultPoints') {
    const [service, what] = given;
    return service && what && ts.isStringLiteral(service) && ts.isStringLiteral(what)
      ? `${service.text} ${what.text}`
      : undefined;
  }
  if (!ts.isPropertyAccessExpression(expression)) return undefined;
  const gate = gates.find(
    ({ method, on }) => method === expression.name.text && on.test(expression.expression.getText()),
  );
  const [what] = given;
  return gate && what && ts.isStringLiteral(what) ? `${gate.service} ${what.text}` : undefined;
}

/** Whether it calls a client of one of the services: the connection to Redis, the SDK's client, or a run's context. */
function isServiceCall({ expression }: ts.CallExpression): boolean {
  const text = expression.getText();
  return (
    /(^|\.)client\.\w+$/.test(text) ||
    /(^|\.)hatchet\.(\w+\.)?\w+$/.test(text) ||
    /(^|\.)admin\.\w+$/.test(text) ||
    /(^|\.)ctx\.(refreshTimeout|runChild|spawnChild|bulkRun\w+|releaseSlot|putStream)$/.test(text)
  );
}

/** Whether a call is made in a function that is handed to a gate, or in one that a gate's function calls. */
function isInsideGate(node: ts.Node): boolean {
  for (let at = node.parent; !ts.isSourceFile(at); at = at.parent) {
    const { parent } = at;
    if ((ts.isArrowFunction(at) || ts.isFunctionExpression(at)) && ts.isCallExpression(parent)) {
      if (pointOf(parent) !== undefined) return true;
    }
  }
  return false;
}

/** What is no work: a declaration, a worker, a connection's own care, and reading what the SDK keeps in memory. */
const allowed: Record<string, RegExp> = {
  'connecting.ts': /hatchet\.config\.logger$/,
  'worker/worker.ts': /hatchet\.worker$/,
  'store/connection.ts': /client\.(defineCommand|setMaxListeners|on|once|removeListener|connect|disconnect|subscribe)$/,
  'store/dead-connections.ts': /client\.(on|nodes)$/,
  // The reference to a captured child's run, which the SDK reads only when the body does.
  'hatchet/internals.ts': /hatchet\.runs\.runRef$/,
  // Notices of a group's end are hints: those who wait read the state again each second.
  'api/hints.ts': /client\.on$/,
  'api/group-end-channel.ts': /client\.(on|subscribe)$/,
};

function isAllowed({ expression }: ts.CallExpression, { fileName }: ts.SourceFile): boolean {
  return allowed[fileName.split(path.sep).join('/')]?.test(expression.getText()) === true;
}
