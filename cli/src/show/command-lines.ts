/** Commands to type, each with what it is for, in two aligned columns. */
export function commandLines(...lines: readonly (readonly [command: string, about: string])[]): string[] {
  const width = Math.max(...lines.map(([command]) => command.length))
  return lines.map(([command, about]) => `  ${command.padEnd(width)}  ${about}`)
}
