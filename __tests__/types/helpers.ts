/** Whether two types are the same, and not only assignable to each other. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** `exactly<Expected>()(value)` compiles when the value's type is that one, and no other. */
export function exactly<E>() {
  return <A>(_value: A, ..._same: Equal<A, E> extends true ? [] : [never]): void => undefined;
}
