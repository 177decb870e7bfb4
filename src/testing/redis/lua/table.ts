import { LuaError } from './error';

/** A value of Lua, a text being its bytes. `undefined` is nil. */
export type Value = undefined | boolean | number | string | Table | LuaFunction | JsonNull;

/** What a function returns: an array, if it is not exactly one value. */
export type Values = Value | readonly Value[];

export type LuaFunction = (...args: Value[]) => Values;

/** What a JSON null becomes: a value that is not nil, as in the cjson of Redis. */
export class JsonNull {}

/** A table of Lua. */
export class Table {
  /** The elements from 1 on, of which the last one is not nil. */
  readonly list: Value[];
  /** What is not in the list. */
  private fields: Map<Value, Value> | undefined;

  constructor(list: Value[] = []) {
    this.list = list;
    this.trim();
  }

  get(key: Value): Value {
    if (typeof key === 'number' && key > 0) {
      const element = this.list[key - 1];
      if (element !== undefined) return element;
    }
    return this.fields?.get(key);
  }

  /** @throws LuaError for a key that nothing can have */
  set(key: Value, value: Value): void {
    if (typeof key === 'number') {
      const last = this.list.length;
      if (key === last + 1 && value !== undefined) return this.append(value);
      if (key > 0 && key <= last && Number.isInteger(key)) {
        this.list[key - 1] = value;
        if (key === last) this.trim();
        return;
      }
      if (Number.isNaN(key)) throw new LuaError('table index is NaN');
    } else if (key === undefined) throw new LuaError('table index is nil');
    if (value === undefined) this.fields?.delete(key);
    else (this.fields ??= new Map<Value, Value>()).set(key, value);
  }

  /** All keys with their values. What is removed meanwhile is left out. */
  *entries(): IterableIterator<[key: Value, value: Value]> {
    for (let i = 0; i < this.list.length; i++) {
      const value = this.list[i];
      if (value !== undefined) yield [i + 1, value];
    }
    if (this.fields) yield* this.fields;
  }

  private append(value: Value): void {
    this.list.push(value);
    if (!this.fields || this.fields.size === 0) return;
    // What was behind a gap may belong to the list now.
    for (let next = this.list.length + 1; ; next++) {
      const follows = this.fields.get(next);
      if (follows === undefined) return;
      this.fields.delete(next);
      this.list.push(follows);
    }
  }

  private trim(): void {
    while (this.list.length > 0 && this.list[this.list.length - 1] === undefined) this.list.pop();
  }
}

/** Returns the name of the type of a value. */
export function typeOf(value: Value): string {
  if (value === undefined) return 'nil';
  if (value instanceof Table) return 'table';
  return value instanceof JsonNull ? 'userdata' : typeof value;
}
