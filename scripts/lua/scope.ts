/** A variable of a script. */
export interface Variable {
  /** Its name in JavaScript, which no other variable has that can be seen where it can. */
  js: string;
  /** Whether it is a function from its declaration to its end, so that a call need not look. */
  isFunction: boolean;
}

/** The variables of a block of a script. Lua lets a block declare a name again, and JavaScript does not. */
export class Scope {
  private readonly variables = new Map<string, Variable>();

  constructor(private readonly around?: Scope) {}

  find(name: string): Variable | undefined {
    return this.variables.get(name) ?? this.around?.find(name);
  }

  /** Declares a variable. From here on, the name means this one. */
  declare(name: string, isFunction = false): string {
    const before = this.find(name)?.js;
    const number = before === undefined ? 0 : Number(before.split('$')[2] ?? 0) + 1;
    const js = number === 0 ? `$${name}` : `$${name}$${number}`;
    this.variables.set(name, { js, isFunction });
    return js;
  }
}
