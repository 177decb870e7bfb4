/** Runs a measurement and ends the process after it, because the SDK keeps connections open. */
export function runAlone(main: () => Promise<void>): void {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}
