import { notInKit } from './errors';

type Value = string | number | boolean | null;

const comparison =
  /^(?:input|payload)((?:\.\w+)+)\s*(==|!=|>=|<=|>|<)\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null)$/;

/**
 * Evaluates an expression about an event: comparisons of fields of `input` with constants, joined by `&&` or by `||`. The
 * real engine evaluates all of CEL.
 * @throws Error for any other expression
 */
export function accepts(expression: string, input: unknown): boolean {
  const text = expression.trim();
  if (text === '') return true;
  const parts = partsOf(text);
  if (parts.length > 0) return parts.some((all) => all.every((one) => compare(one, input)));
  throw notInKit(`expression "${text}": it has comparisons of input with constants, joined by && or ||`);
}

/** Returns the alternatives of an expression, each with its comparisons. None if it has anything else. */
function partsOf(text: string): string[][] {
  const parts = split(text, '||').map((part) => split(part, '&&').map((one) => one.trim()));
  return parts.flat().every((one) => comparison.test(one)) ? parts : [];
}

/** Splits a text at an operator outside quotes. */
function split(text: string, operator: string): string[] {
  const found = text.match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|&&|\|\||[^'"&|]+|./g) ?? [];
  const parts = [''];
  for (const piece of found) {
    if (piece === operator) parts.push('');
    else parts[parts.length - 1] += piece;
  }
  return parts;
}

function compare(text: string, input: unknown): boolean {
  const [, path = '', operator = '', constant = ''] = comparison.exec(text) ?? [];
  const found = path
    .split('.')
    .slice(1)
    .reduce<unknown>((value, field) => (Object(value) as Record<string, unknown>)[field], input);
  const value = (found ?? null) as Value;
  const expected = constantOf(constant);
  if (operator === '==') return value === expected;
  if (operator === '!=') return value !== expected;
  // Values of two kinds have no order.
  if (typeof value !== typeof expected || value === null || expected === null) return false;
  if (operator === '>') return value > expected;
  if (operator === '<') return value < expected;
  return operator === '>=' ? value >= expected : value <= expected;
}

function constantOf(text: string): Value {
  if (!/^['"]/.test(text)) return JSON.parse(text) as Value;
  return text.slice(1, -1).replace(/\\(.)/g, '$1');
}
