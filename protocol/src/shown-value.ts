/** A value that a program passed, as an error names it: short, whatever it is, and on one line. */
export function shownValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `'${value.slice(0, 40)}'`
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? 'a list' : 'an object'
    case 'function':
      return 'a function'
    default:
      return String(value)
  }
}
