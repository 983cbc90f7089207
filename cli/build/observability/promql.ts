/**
 * Reads the part of PromQL that alerts and dashboards use, and refuses the rest: selectors with matchers, ranges and offsets, functions,
 * aggregations with `by`, arithmetic, comparisons, `and`, `or`, `unless`. Prometheus itself is asked by `npm run test:dashboards`.
 */

/** A metric, and the labels that an expression asks it for. */
export interface UsedMetric {
  readonly name: string
  readonly labels: readonly string[]
}

const aggregations = new Set(['sum', 'count', 'max', 'min', 'avg', 'topk', 'quantile'])
const functions = new Set(['rate', 'increase', 'histogram_quantile', 'vector', 'clamp_min', 'time'])
const operators = new Set(['+', '-', '*', '/', '>', '<', '>=', '<=', '==', '!=', 'and', 'or', 'unless'])
const token =
  /\s*([a-zA-Z_:$][\w:$]*|\d+(?:\.\d+)?[smhdw]?|"(?:[^"\\]|\\.)*"|>=|<=|==|!=|=~|!~|[-+*/<>={}()[\],])/y

/** @returns the metrics that it reads @throws Error with the place, for what is no such expression */
export function metricsOf(expr: string): UsedMetric[] {
  const reader = new Reader(expr)
  reader.expression()
  reader.end()
  return reader.used
}

class Reader {
  readonly used: UsedMetric[] = []
  readonly #tokens: string[] = []
  readonly #text: string
  /** Labels of the aggregations that surround what is read. */
  #grouped: readonly string[] = []
  #at = 0

  constructor(text: string) {
    this.#text = text
    token.lastIndex = 0
    for (let end = 0; text.slice(end).trim() !== ''; end = token.lastIndex) {
      const found = token.exec(text)?.[1]
      if (found === undefined) throw new Error(`Cannot read ${text}: at ${text.slice(end, end + 20)}`)
      this.#tokens.push(found)
    }
  }

  expression(): void {
    this.#operand()
    while (operators.has(this.#peek() ?? '')) {
      this.#at++
      this.#operand()
    }
  }

  end(): void {
    if (this.#peek() !== undefined) this.#fail()
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at]
  }

  #take(wanted?: string): string {
    const found = this.#peek()
    if (found === undefined || (wanted !== undefined && found !== wanted)) this.#fail()
    this.#at++
    return found
  }

  #operand(): void {
    const first = this.#take()
    if (/^\d/.test(first)) return
    if (first === '(') {
      this.expression()
      this.#take(')')
    } else if (aggregations.has(first)) this.#aggregation()
    else if (functions.has(first)) this.#arguments()
    else if (/^[a-z_]/.test(first)) this.#selector(first)
    else this.#fail()
  }

  #aggregation(): void {
    const outer = this.#grouped
    if (this.#peek() === 'by') {
      this.#at++
      this.#grouped = this.#list()
    }
    this.#arguments()
    this.#grouped = outer
  }

  #list(): string[] {
    const names: string[] = []
    this.#take('(')
    while (this.#peek() !== ')') {
      names.push(this.#take())
      if (this.#peek() === ',') this.#at++
    }
    this.#take(')')
    return names
  }

  #arguments(): void {
    this.#take('(')
    while (this.#peek() !== ')') {
      this.expression()
      if (this.#peek() === ',') this.#at++
    }
    this.#take(')')
  }

  #selector(name: string): void {
    const labels = [...this.#grouped]
    if (this.#peek() === '{') {
      this.#at++
      while (this.#peek() !== '}') {
        if (!/^[a-zA-Z_]/.test(this.#peek() ?? '')) this.#fail()
        labels.push(this.#take())
        if (!['=', '!=', '=~', '!~'].includes(this.#take())) this.#fail()
        if (!this.#take().startsWith('"')) this.#fail()
        if (this.#peek() === ',') this.#at++
      }
      this.#take('}')
    }
    if (this.#peek() === '[') {
      this.#at++
      if (!/^\d+[smhdw]$|^\$__rate_interval$/.test(this.#take())) this.#fail()
      this.#take(']')
    }
    if (this.#peek() === 'offset') {
      this.#at++
      if (!/^\d+[smhdw]$/.test(this.#take())) this.#fail()
    }
    this.used.push({ name, labels })
  }

  #fail(): never {
    throw new Error(`Cannot read ${this.#text}: at token ${this.#at}, ${this.#peek() ?? 'its end'}`)
  }
}
