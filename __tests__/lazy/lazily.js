// Modules that are loaded when something of them is used. Most suites import the SDK of Hatchet and zod by way of src and use
// nothing of them; each would spend half a second on their 600 files, as Jest loads every module anew for each suite.

/** Returns what stands for a module. @param load - loads it */
module.exports = function lazily(load) {
  let loaded;
  const real = () => (loaded ??= load());
  return new Proxy(
    {},
    {
      // What TypeScript asks of each module that it imports.
      get: (_, name) => (name === '__esModule' ? true : real()[name]),
      has: (_, name) => name in real(),
      ownKeys: () => Reflect.ownKeys(real()),
      getOwnPropertyDescriptor: (_, name) => {
        const found = Reflect.getOwnPropertyDescriptor(real(), name);
        // A proxy may only show others as configurable than its own target has.
        return found && { ...found, configurable: true };
      },
    },
  );
};
