// As a user's module that is given an instance.
export function makeTasks(mage) {
  return { double: mage.task({ name: 'double', fn: ({ x }) => ({ x: 2 * x }) }) };
}
