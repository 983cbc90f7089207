import type { Rule } from 'eslint'

export const constantDelays: Rule.RuleModule
