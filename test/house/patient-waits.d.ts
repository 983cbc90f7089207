import type { Rule } from 'eslint'

export const patientWaits: Rule.RuleModule
