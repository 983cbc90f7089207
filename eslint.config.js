import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

import { constantDelays } from './test/house/constant-delays.js'
import { patientWaits } from './test/house/patient-waits.js'

export default defineConfig(
  {
    ignores: ['**/dist/', '**/node_modules/', 'coverage/', 'cdk.out/', 'site/api/', 'site/.vitepress/cache/'],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    plugins: { house: { rules: { 'constant-delays': constantDelays, 'patient-waits': patientWaits } } },
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 60, skipComments: true, skipBlankLines: true }],
      'no-console': 'error',
      'house/constant-delays': 'error',
      'house/patient-waits': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Configuration is read in one file per room.' },
      ],
    },
  },
  // See cli/src/show/text.ts: a newline within a line is escaped, as it may come from another member.
  {
    files: ['cli/src/{commands,daemon}/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.property.name='join'] > Literal.arguments[value='\\n']",
          message:
            'Text for people is an array of lines (Text in show/text.ts); joined, they are shown as \\x0a.',
        },
        {
          selector: "CallExpression[callee.object.property.name='stdout'][callee.property.name='write']",
          message: 'Write with output.result(): it escapes text of other members.',
        },
      ],
    },
  },
  { files: ['protocol/src/timers.ts'], rules: { 'house/constant-delays': 'off' } },
  // The types of aws-cdk-lib are 1.15 million lines: rules that need them would double the time of the lint.
  { files: ['infra/**/*.ts', 'test/aws/foreign-app/*.ts'], extends: [tseslint.configs.disableTypeChecked] },
  {
    files: [
      '**/*.test.ts',
      'test/**',
      'bench/**',
      'examples/**',
      'site/**',
      'cli/build/**',
      'infra/build/**',
      'vitest.config.ts',
    ],
    rules: {
      'max-lines-per-function': 'off',
      'no-console': 'off',
      'no-restricted-properties': 'off',
      'house/constant-delays': 'off',
    },
  },
  { files: ['**/*.js'], languageOptions: { globals: { process: 'readonly', console: 'readonly' } } },
)
