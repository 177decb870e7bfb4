/** Returns a namespace as the SDK's client has it: in lower case, with an underscore at its end. '' for none. */
export function fullNamespace(namespace: string | null | undefined): string {
  if (!namespace) return '';
  return (namespace.endsWith('_') ? namespace : `${namespace}_`).toLowerCase();
}
