import { spawn } from 'node:child_process'
import { styleText } from 'node:util'

/**
 * `npm run check`: everything about the code that needs no test run, in parallel. Each part prints nothing when
 * it passes; a part that fails prints its output and how to mend it.
 */
interface Part {
  name: string
  command: readonly string[]
  mend: string
}

const cache = (name: string) => `node_modules/.cache/${name}`

const parts: readonly Part[] = [
  { name: 'types', command: ['tsc', '--noEmit', '-p', '.'], mend: 'mend the types named above' },
  { name: 'types of infra', command: ['tsc', '--noEmit', '-p', 'infra'], mend: 'mend the types named above' },
  {
    name: 'lint',
    command: ['eslint', '--cache', '--cache-location', cache('eslint-check'), '--max-warnings', '0', '.'],
    mend: 'npx eslint --fix . mends some; the rest by hand',
  },
  {
    name: 'format',
    command: [
      'prettier',
      '--check',
      '--log-level',
      'warn',
      '--cache',
      '--cache-location',
      cache('prettier-check'),
      '.',
    ],
    mend: 'npm run format',
  },
  {
    name: 'layers',
    command: ['node', 'test/house/check-layers.ts'],
    mend: 'see the line under each violation',
  },
  { name: 'openapi', command: ['node', 'protocol/openapi/generate.ts', '--check'], mend: 'npm run generate' },
  {
    name: 'pages',
    command: ['node', 'cli/build/pages.ts', '--check'],
    mend: 'npm run generate',
  },
]

interface Outcome {
  part: Part
  passed: boolean
  output: string
  seconds: number
}

function run(part: Part): Promise<Outcome> {
  const began = performance.now()
  const [file = '', ...args] = part.command
  return new Promise(resolve => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const finish = (passed: boolean) =>
      resolve({ part, passed, output, seconds: (performance.now() - began) / 1000 })
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', error => {
      output += `${error.message}: run it as npm run check, after npm ci\n`
      finish(false)
    })
    child.on('close', code => finish(code === 0))
  })
}

function report({ part, passed, output, seconds }: Outcome): void {
  const mark = passed ? styleText('green', 'ok    ') : styleText('red', 'FAILED')
  console.log(`${mark} ${part.name} (${seconds.toFixed(1)} s)`)
  if (passed) return
  for (const line of output.trimEnd().split('\n')) console.log(`  ${part.name} | ${line}`)
  console.log(`  ${part.name} | to mend: ${part.mend}`)
}

const outcomes = await Promise.all(
  parts.map(async part => {
    const outcome = await run(part)
    report(outcome)
    return outcome
  }),
)
const failed = outcomes.filter(({ passed }) => !passed)
console.log(`${outcomes.length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
