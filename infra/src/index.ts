/** For benches and tests: the Lambdas as they are deployed. The stacks themselves are `app.ts`. */
export { bundleLambdas, lambdaNames, type LambdaName } from './lambda-bundle.ts'
