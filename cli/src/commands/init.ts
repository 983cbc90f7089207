import { parseFolder } from '../arguments.ts'
import { parseService } from '../name-arguments.ts'
import { onCall, type Register } from './define.ts'

export const registerInit: Register = (program, finish) => {
  const command = program
    .command('init')
    .description('make a project of a service, with a test')
    .argument('<dir>', 'a new or empty folder', parseFolder)
    .option('--name <service>', 'name of the service (default: the name of the folder)', parseService)
    .addHelpText(
      'after',
      `
Makes a contract, its handlers and a test that runs on a mesh inside its process. Nothing is installed, and a folder with
anything in it is refused.

Examples:
  $ agent-mesh init greeter
  $ agent-mesh init ./services/orders --name shop.orders
  $ cd greeter && npm install && npm test

Exit codes: 0 made, 2 the name is none of a service, 8 the folder is not empty.`,
    )
  onCall<{ name?: string }, [string]>(command, finish, async ({ options, output }, dir) => {
    const [{ makeProject }, { restoreUmask }] = await Promise.all([
      import('../project/make-project.ts'),
      import('../umask.ts'),
    ])
    restoreUmask()
    const made = await makeProject(dir, options.name)
    output.result(made, () => [
      `${output.style('green', `The service ${made.service}`)} is in ${made.folder}:`,
      ...made.files.map(file => `  ${file}`),
      '',
      `Next: cd ${dir} && npm install && npm test`,
    ])
  })
}
