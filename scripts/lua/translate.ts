/**
 * Translates Lua to JavaScript that does the same, as far as the scripts of mageflow use Lua. What it calls is in
 * src/testing/redis/lua/library.ts. A statement stands in the line in which it stands in Lua, so that an error shows its line.
 */
import type * as luaparse from 'luaparse';
import { parse } from 'luaparse';
import { knownFunctions } from '../../src/testing/redis/lua/library';
import { resultOf, type Kind } from './functions';
import { Scope } from './scope';

/** An expression in JavaScript. */
interface Code {
  text: string;
  kind?: Kind;
  /** Whether its value is an array when it is not one value of Lua: it is a call, or `...`. */
  isSeveral?: boolean;
}

type CallNode = luaparse.CallExpression | luaparse.TableCallExpression | luaparse.StringCallExpression;

/** Marks where a statement begins; replaced by line ends. */
const mark = (line: number): string => `\0${line}\0`;
const always: readonly Kind[] = ['number', 'string', 'true'];
const arithmetic = { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div', '%': 'mod', '^': 'pow' } as const;
const orders = { '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge' } as const;

/** @throws SyntaxError when it is no Lua 5.1 */
export function translate(lua: string): string[] {
  const bytes = Buffer.from(lua, 'utf8').toString('latin1');
  const assigned = new Set<string>();
  const { body } = parse(bytes, {
    luaVersion: '5.1',
    encodingMode: 'pseudo-latin1',
    locations: true,
    ranges: true,
    comments: false,
    onCreateNode: (node) => {
      if (node.type !== 'AssignmentStatement') return;
      for (const variable of node.variables) if (variable.type === 'Identifier') assigned.add(variable.name);
    },
  });
  return new Translator(bytes, assigned).translated(body);
}

const notKnown = (what: string, node: luaparse.Node): Error =>
  new Error(
    `line ${lineOf(node)}: the translation of Lua does not know ${what}. Write it in another way, or add it to it.`,
  );

const lineOf = ({ loc }: luaparse.Node): number => loc?.start.line ?? 1;
const rangeOf = (node: luaparse.Node): [number, number] => (node as unknown as { range: [number, number] }).range;
const quoted = (text: string): string => JSON.stringify(text);

class Translator {
  private scope = new Scope();
  /** Whether the function at hand keeps a value while it looks at it. */
  private usesTemporary = false;

  /** @param assigned - the names of variables that are assigned to somewhere */
  constructor(
    private readonly source: string,
    private readonly assigned: ReadonlySet<string>,
  ) {}

  /** The statements at the top level. */
  translated(body: readonly luaparse.Statement[]): string[] {
    const texts = body.map((statement) => ({ text: this.statement(statement), line: lineOf(statement) }));
    let at = 1;
    const chunks = texts.map(({ text, line }) => {
      let chunk = '';
      const goTo = (next: number) => {
        if (next > at) chunk += '\n'.repeat(next - at);
        at = Math.max(at, next);
      };
      goTo(line);
      text.split('\0').forEach((part, i) => {
        if (i % 2 === 1) goTo(Number(part));
        else chunk += part;
      });
      return chunk;
    });
    return this.usesTemporary ? ['let t;', ...chunks] : chunks;
  }

  private inner<T>(work: () => T): T {
    const around = this.scope;
    this.scope = new Scope(around);
    try {
      return work();
    } finally {
      this.scope = around;
    }
  }

  private block(statements: readonly luaparse.Statement[]): string {
    return this.inner(() => this.statements(statements));
  }

  private statements(statements: readonly luaparse.Statement[]): string {
    return statements.map((statement) => mark(lineOf(statement)) + this.statement(statement)).join(' ');
  }

  private statement(node: luaparse.Statement): string {
    switch (node.type) {
      case 'LocalStatement':
        return this.local(node);
      case 'AssignmentStatement':
        return this.assignment(node);
      case 'CallStatement':
        return `${this.call(node.expression).text};`;
      case 'ReturnStatement':
        return this.returned(node.arguments);
      case 'IfStatement':
        return node.clauses
          .map((clause) => {
            const body = `{ ${this.block(clause.body)} }`;
            if (clause.type === 'ElseClause') return `else ${body}`;
            return `${clause.type === 'IfClause' ? 'if' : 'else if'} (${this.condition(clause.condition)}) ${body}`;
          })
          .join(' ');
      case 'WhileStatement':
        return `while (${this.condition(node.condition)}) { ${this.block(node.body)} }`;
      case 'RepeatStatement':
        // Its condition sees the variables of its body.
        return this.inner(
          () => `for (;;) { ${this.statements(node.body)} if (${this.condition(node.condition)}) break; }`,
        );
      case 'DoStatement':
        return `{ ${this.block(node.body)} }`;
      case 'BreakStatement':
        return 'break;';
      case 'ForNumericStatement':
        return this.numericFor(node);
      case 'ForGenericStatement':
        return this.genericFor(node);
      case 'FunctionDeclaration':
        return this.functionStatement(node);
      default:
        throw notKnown(node.type, node);
    }
  }

  private local({ variables, init }: luaparse.LocalStatement): string {
    // In front of the declaration: the names mean others there.
    const given = this.values(init, variables.length);
    const names = variables.map(({ name }) => this.scope.declare(name));
    if (!given.several)
      return `let ${names.map((name, i) => (given.texts[i] ? `${name} = ${given.texts[i]}` : name)).join(', ')};`;
    const all = `${names[0]}$all`;
    return `let ${all} = ${given.several}, ${names.map((name, i) => `${name} = ${all}[${i}]`).join(', ')};`;
  }

  /** The values of a list of expressions: one text for each, or one of an array if the last one may be several. */
  private values(nodes: readonly luaparse.Expression[], wanted: number): { texts: string[]; several?: string } {
    const last = nodes.at(-1);
    // One that is not needed is there for what it does.
    const isList = (last && nodes.length < wanted && this.isSeveral(last)) || nodes.length > wanted;
    if (isList) {
      const several = nodes.length === 1 && last ? `all(${this.code(last).text})` : `[${this.list(nodes)}]`;
      return { texts: [], several };
    }
    return { texts: nodes.map((node) => this.value(node).text) };
  }

  private assignment({ variables, init }: luaparse.AssignmentStatement): string {
    const [target] = variables;
    const [value] = init;
    if (target && value && variables.length === 1 && init.length === 1) {
      const [parts, assign] = this.target(target);
      return `${assign(parts, this.value(value).text)};`;
    }
    // All is read before anything is assigned.
    const places: string[] = [];
    const assignments: string[] = [];
    variables.forEach((variable, i) => {
      const [parts, assign] = this.target(variable);
      const names = parts.map((_, j) => `p${i}${'ab'[j]}`);
      parts.forEach((part, j) => places.push(`${names[j]} = ${part}`));
      assignments.push(`${assign(names, `v${i}`)};`);
    });
    const given = this.values(init, variables.length);
    const values = given.several
      ? [`v = ${given.several}`, ...variables.map((_, i) => `v${i} = v[${i}]`)]
      : variables.map((_, i) => `v${i} = ${given.texts[i] ?? 'undefined'}`);
    return `{ const ${[...places, ...values].join(', ')}; ${assignments.join(' ')} }`;
  }

  /** What has to be read to assign to something, and the assignment. */
  private target(
    node: luaparse.IndexExpression | luaparse.MemberExpression | luaparse.Identifier,
  ): [parts: string[], assign: (parts: readonly string[], value: string) => string] {
    if (node.type === 'Identifier') {
      const variable = this.scope.find(node.name);
      return [[], (_, value) => (variable ? `${variable.js} = ${value}` : `setGlobal(${value})`)];
    }
    const key = node.type === 'MemberExpression' ? quoted(node.identifier.name) : this.value(node.index).text;
    return [
      [this.value(node.base).text, key],
      ([table = '', place = ''], value) => `setIndex(${table}, ${place}, ${value})`,
    ];
  }

  private returned(values: readonly luaparse.Expression[]): string {
    const [first] = values;
    if (!first) return 'return NONE;';
    if (values.length > 1) return `return [${this.list(values)}];`;
    return `return ${this.isSeveral(first) ? this.code(first).text : this.value(first).text};`;
  }

  private numericFor({ variable, start, end, step, body }: luaparse.ForNumericStatement): string {
    const [from, to, by] = [start, end, step].map((node) => (node ? this.number(node) : '1')) as [
      string,
      string,
      string,
    ];
    return this.inner(() => {
      const name = this.scope.declare(variable.name);
      // What a body assigns to its variable does not concern the loop.
      const at = this.assigned.has(variable.name) ? `${name}$at` : name;
      const copy = at === name ? '' : `let ${name} = ${at}; `;
      const isBelow = /^[\d.]+$/.test(by)
        ? `${at} <= ${name}$end`
        : `${name}$by > 0 ? ${at} <= ${name}$end : ${at} >= ${name}$end`;
      const head = `let ${at} = ${from}, ${name}$end = ${to}, ${name}$by = ${by}; ${isBelow}; ${at} += ${name}$by`;
      return `for (${head}) { ${copy}${this.statements(body)} }`;
    });
  }

  private genericFor({ variables, iterators, body }: luaparse.ForGenericStatement): string {
    const [iterator] = iterators;
    const library = iterators.length === 1 && iterator ? this.calledOfLibrary(iterator) : undefined;
    const args = library && iterator?.type === 'CallExpression' ? this.list(iterator.arguments) : '';
    const list = library ? '' : this.list(iterators);
    return this.inner(() => {
      const [first = '', ...others] = variables.map(({ name }) => this.scope.declare(name));
      const inner = () => this.statements(body);
      if (library === 'G.pairs' && others.length <= 1)
        return `for (let [${[first, ...others].join(', ')}] of entries(${args})) { ${inner()} }`;
      if (library === 'G.ipairs' && others.length <= 1) {
        const value = others[0] ?? `${first}$value`;
        const [table, at] = [`${first}$table`, `${first}$at`];
        return `for (let ${table} = expectTable(${args}), ${at} = 1; ; ${at}++) { let ${first} = ${at}, ${value} = ${table}.get(${at}); if (${value} === undefined) break; ${inner()} }`;
      }
      const [all, control] = [`${first}$all`, `${first}$control`];
      const call = library ? `${library.replace('.', '$')}(${args})` : `[${list}]`;
      const names = [first, ...others].map((name, i) => `${name} = ${first}$next[${i}]`).join(', ');
      return `for (let ${all} = all(${call}), ${control} = ${all}[2]; ; ) { let ${first}$next = all(callable(${all}[0])(${all}[1], ${control})), ${names}; if (${first} === undefined) break; ${control} = ${first}; ${inner()} }`;
    });
  }

  private functionStatement(node: luaparse.FunctionDeclaration): string {
    const { identifier } = node;
    if (!identifier) throw notKnown('a function without a name here', node);
    if (identifier.type === 'Identifier' && node.isLocal) {
      const name = this.scope.declare(identifier.name, !this.assigned.has(identifier.name));
      return `let ${name} = ${this.function(node)};`;
    }
    const [parts, assign] = this.target(identifier);
    if (identifier.type === 'MemberExpression' && identifier.indexer === ':') throw notKnown('methods', node);
    return `${assign(parts, this.function(node))};`;
  }

  private function({ parameters, body }: luaparse.FunctionDeclaration): string {
    const outer = this.usesTemporary;
    this.usesTemporary = false;
    const text = this.inner(() => {
      const names = parameters.map((one) => (one.type === 'Identifier' ? this.scope.declare(one.name) : '...$$rest'));
      const inner = this.statements(body);
      const end = body.at(-1)?.type === 'ReturnStatement' ? '' : ' return NONE;';
      return `(${names.join(', ')}) => { ${this.usesTemporary ? 'let t; ' : ''}${inner}${end} }`;
    });
    this.usesTemporary = outer;
    return text;
  }

  /** Expressions as the elements of an array of JavaScript. */
  private list(nodes: readonly luaparse.Expression[]): string {
    return nodes
      .map((node, i) =>
        i === nodes.length - 1 && this.isSeveral(node) ? `...all(${this.code(node).text})` : this.value(node).text,
      )
      .join(', ');
  }

  /** Whether an expression may be another number of values than one, where it is the last one of a list. */
  private isSeveral(node: luaparse.Expression): boolean {
    if (node.type !== 'VarargLiteral' && !isCall(node)) return false;
    const library = isCall(node) ? this.ofLibrary(node.base) : undefined;
    return (library === undefined || resultOf(library).isSeveral) && !this.isInParentheses(node);
  }

  /** The tree does not distinguish `(f())`, which is one value, from `f()`. */
  private isInParentheses(node: luaparse.Expression): boolean {
    const [from, to] = rangeOf(node);
    const before = this.source.slice(0, from).trimEnd();
    if (!before.endsWith('(') || !this.source.slice(to).trimStart().startsWith(')')) return false;
    const [word = ''] = /[\w"'\])}]*$/.exec(before.slice(0, -1).trimEnd()) ?? [];
    // Behind a name or a value it is the bracket of a call.
    return word === '' || /^(?:and|or|not|return|in|if|elseif|while|until|then|do|else|repeat)$/.test(word);
  }

  /** An expression as one value. */
  private value(node: luaparse.Expression): Code {
    const code = this.code(node);
    return code.isSeveral ? { text: `first(${code.text})` } : code;
  }

  /** A number, also where a text stands for it. */
  private number(node: luaparse.Expression): string {
    const { text, kind } = this.value(node);
    return kind === 'number' ? text : `number(${text})`;
  }

  /** An expression as a boolean of JavaScript: whether it counts as true in Lua. */
  private condition(node: luaparse.Expression): string {
    if (node.type === 'LogicalExpression') {
      const sides = [node.left, node.right].map((side) => this.condition(side));
      return `(${sides.join(node.operator === 'and' ? ' && ' : ' || ')})`;
    }
    if (node.type === 'UnaryExpression' && node.operator === 'not') return `!${this.condition(node.argument)}`;
    const { text, kind } = this.value(node);
    return kind === 'boolean' ? text : `isTrue(${text})`;
  }

  private code(node: luaparse.Expression): Code {
    switch (node.type) {
      case 'NilLiteral':
        return { text: 'undefined' };
      case 'BooleanLiteral':
        return { text: String(node.value), kind: 'boolean' };
      case 'NumericLiteral':
        return { text: String(node.value), kind: 'number' };
      case 'StringLiteral':
        return { text: quoted(node.value), kind: 'string' };
      case 'VarargLiteral':
        return { text: '$$rest', isSeveral: true };
      case 'Identifier':
        return this.identifier(node);
      case 'FunctionDeclaration':
        return { text: this.function(node), kind: 'true' };
      case 'TableConstructorExpression':
        return this.table(node);
      case 'MemberExpression':
      case 'IndexExpression':
        return this.indexed(node);
      case 'CallExpression':
      case 'TableCallExpression':
      case 'StringCallExpression':
        return this.call(node);
      case 'UnaryExpression':
        return this.unary(node);
      case 'BinaryExpression':
        return this.binary(node);
      case 'LogicalExpression':
        return this.logical(node);
    }
  }

  private identifier(node: luaparse.Identifier): Code {
    const { name } = node;
    const variable = this.scope.find(name);
    if (variable) return { text: variable.js, ...(variable.isFunction ? { kind: 'true' as const } : {}) };
    if (name === 'KEYS' || name === 'ARGV') return { text: name, kind: 'true' };
    if (knownFunctions['G']?.includes(name)) return { text: `G$${name}`, kind: 'true' };
    if (Object.hasOwn(knownFunctions, name)) throw notKnown(`${name} as a value`, node);
    return { text: `missing(${quoted(name)})` };
  }

  /** The name of a function of the library, as `string.sub`, if an expression is one. */
  private ofLibrary(node: luaparse.Expression): string | undefined {
    if (node.type === 'Identifier')
      return !this.scope.find(node.name) && knownFunctions['G']?.includes(node.name) ? `G.${node.name}` : undefined;
    if (node.type !== 'MemberExpression' || node.base.type !== 'Identifier' || node.indexer !== '.') return undefined;
    const { name } = node.base;
    if (this.scope.find(name) || name === 'G' || !Object.hasOwn(knownFunctions, name)) return undefined;
    const full = `${name}.${node.identifier.name}`;
    if (!knownFunctions[name]?.includes(node.identifier.name)) throw notKnown(full, node);
    return full;
  }

  private calledOfLibrary(node: luaparse.Expression): string | undefined {
    return node.type === 'CallExpression' ? this.ofLibrary(node.base) : undefined;
  }

  private indexed(node: luaparse.MemberExpression | luaparse.IndexExpression): Code {
    const ofLibrary = this.ofLibrary(node);
    if (ofLibrary !== undefined) return { text: ofLibrary.replace('.', '$'), kind: 'true' };
    if (node.type === 'MemberExpression' && node.indexer === ':') throw notKnown('methods', node);
    const key = node.type === 'MemberExpression' ? quoted(node.identifier.name) : this.value(node.index).text;
    return { text: `index(${this.value(node.base).text}, ${key})` };
  }

  private call(node: CallNode): Code {
    const args =
      node.type === 'CallExpression'
        ? node.arguments
        : [node.type === 'TableCallExpression' ? node.arguments : node.argument];
    const called = this.ofLibrary(node.base);
    const list = this.list(args as luaparse.Expression[]);
    if (called !== undefined) {
      const { isSeveral, kind } = resultOf(called);
      return { text: `${called.replace('.', '$')}(${list})`, isSeveral, kind };
    }
    const { base } = node;
    if (base.type === 'Identifier' && this.scope.find(base.name)?.isFunction)
      return { text: `${this.scope.find(base.name)?.js ?? ''}(${list})`, isSeveral: true };
    return { text: `callable(${this.value(base).text})(${list})`, isSeveral: true };
  }

  private table({ fields }: luaparse.TableConstructorExpression): Code {
    const list = fields.flatMap((field) => (field.type === 'TableValue' ? [field.value] : []));
    const named = fields.flatMap((field) => {
      if (field.type === 'TableValue') return [];
      const key = field.type === 'TableKeyString' ? quoted(field.key.name) : this.value(field.key).text;
      return [`${key}, ${this.value(field.value).text}`];
    });
    const rest = named.length > 0 ? `, [${named.join(', ')}]` : '';
    return { text: `table([${this.list(list)}]${rest})`, kind: 'true' };
  }

  private unary({ operator, argument }: luaparse.UnaryExpression): Code {
    if (operator === 'not') return { text: `!${this.condition(argument)}`, kind: 'boolean' };
    if (operator === '#') return { text: `length(${this.value(argument).text})`, kind: 'number' };
    return { text: `(-${this.number(argument)})`, kind: 'number' };
  }

  private binary(node: luaparse.BinaryExpression): Code {
    const { operator } = node;
    const [left, right] = [this.value(node.left), this.value(node.right)];
    if (operator === '==' || operator === '~=')
      return { text: `(${left.text} ${operator === '==' ? '===' : '!=='} ${right.text})`, kind: 'boolean' };
    if (operator === '..') return { text: `(${asText(left)} + ${asText(right)})`, kind: 'string' };
    const areNumbers = left.kind === 'number' && right.kind === 'number';
    if (operator in orders) {
      const text = areNumbers
        ? `(${left.text} ${operator} ${right.text})`
        : `${orders[operator as keyof typeof orders]}(${left.text}, ${right.text})`;
      return { text, kind: 'boolean' };
    }
    if (!(operator in arithmetic)) throw notKnown(`the operator ${operator}`, node);
    const text =
      areNumbers && /^[-+*/]$/.test(operator)
        ? `(${left.text} ${operator} ${right.text})`
        : `${arithmetic[operator as keyof typeof arithmetic]}(${left.text}, ${right.text})`;
    return { text, kind: 'number' };
  }

  private logical({ operator, left, right }: luaparse.LogicalExpression): Code {
    // `a and 'b' or c`
    if (operator === 'or' && left.type === 'LogicalExpression' && left.operator === 'and') {
      const chosen = this.value(left.right);
      if (always.includes(chosen.kind)) {
        const other = this.value(right);
        const text = `(${this.condition(left.left)} ? ${chosen.text} : ${other.text})`;
        return {
          text,
          kind: chosen.kind === other.kind ? chosen.kind : always.includes(other.kind) ? 'true' : undefined,
        };
      }
    }
    const [a, b] = [this.value(left), this.value(right)];
    const isLast = operator === 'or' && always.includes(b.kind);
    if (a.kind === 'boolean') {
      const kind = b.kind === 'boolean' ? 'boolean' : isLast ? 'true' : undefined;
      return { text: `(${a.text} ${operator === 'and' ? '&&' : '||'} ${b.text})`, kind };
    }
    this.usesTemporary = true;
    const text =
      operator === 'and' ? `(isTrue(t = ${a.text}) ? ${b.text} : t)` : `(isTrue(t = ${a.text}) ? t : ${b.text})`;
    return { text, kind: isLast ? 'true' : undefined };
  }
}

/** An operand of `..`. */
function asText({ text, kind }: Code): string {
  return kind === 'string' ? text : `text(${text})`;
}

function isCall(node: luaparse.Expression): node is CallNode {
  return /^(?:Table|String)?CallExpression$/.test(node.type);
}
