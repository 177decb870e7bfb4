/** The address by which suites know the in-process Redis. */
export const url = 'in-process:';
