import { layerViolations } from './layers.ts'

/** The layer part of `npm run check`: prints each forbidden import and how to mend it. */
const violations = await layerViolations(process.cwd())
for (const { rule, from, to, mend } of violations) console.log(`${from} -> ${to} (${rule})\n    ${mend}`)
process.exitCode = violations.length === 0 ? 0 : 1
