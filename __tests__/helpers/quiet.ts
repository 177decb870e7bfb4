/** A logger for the SDK that drops everything. */
export const quietLogger = () => {
  const drop = () => undefined;
  return { debug: drop, info: drop, green: drop, warn: drop, error: drop, util: drop };
};
