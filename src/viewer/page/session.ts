const { dataset } = document.documentElement;

/** The path below which the viewer is. */
export const base = dataset['base'] ?? '';

/** Whether this visitor may change groups. The server decides it again for each write. */
export const canWrite = dataset['canWrite'] === 'yes';

export const version = dataset['version'] ?? '';
