export * from './frames.ts'
export * from './names.ts'
export * from './publication.ts'
