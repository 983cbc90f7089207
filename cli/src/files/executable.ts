/** Whether the owner of a file may run it. */
export const isExecutable = (mode: number): boolean => (mode & 0o100) !== 0
