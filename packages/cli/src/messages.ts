import { oneLine, suggestion } from '@kmemlab/results';
import {
  type ApplicationText,
  ArgumentScannerError,
  formatMessageForArgumentScannerError,
  text_en,
} from '@stricli/core';

const see = 'see kmemlab --help';

const PLACEHOLDERS: readonly string[] = ['experiment', 'topic'];

/** `--kernel` for a flag, `<experiment>` for an argument. */
const flagOrArgument = (name: string) => (PLACEHOLDERS.includes(name) ? `<${name}>` : `--${name}`);

function argumentMessage(error: ArgumentScannerError): string {
  return formatMessageForArgumentScannerError(error, {
    FlagNotFoundError: ({ input, corrections }) =>
      `unknown flag --${input}; ${corrections.length > 0 ? `did you mean --${corrections[0]}?` : see}`,
    AliasNotFoundError: ({ input }) => `unknown flag -${input}; ${see}`,
    ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, input, exception }) =>
      `${flagOrArgument(name)} ${JSON.stringify(input)}: ${oneLine(exception)}`,
    UnsatisfiedFlagError: ({ externalFlagName, nextFlagName }) =>
      `--${externalFlagName}: its value is missing${nextFlagName ? ` before --${nextFlagName}` : ''}; ${see}`,
    UnsatisfiedPositionalError: ({ placeholder }) =>
      `<${placeholder}> is missing; ${placeholder === 'experiment' ? 'see kmemlab list experiments' : see}`,
    UnexpectedPositionalError: ({ input, expectedCount }) =>
      `unexpected argument ${JSON.stringify(input)}${['', ' after the first'][expectedCount] ?? ` after the first ${expectedCount}`}; ${see}`,
    UnexpectedFlagError: ({ externalFlagName, input }) =>
      externalFlagName === 'kernel'
        ? `--kernel ${JSON.stringify(input)}: given twice; to run several kernels use kmemlab compare`
        : `--${externalFlagName} ${JSON.stringify(input)}: given twice, give it once`,
  });
}

/** The library's texts, with every usage error as one line: what is wrong, where, and how to mend it. */
export function applicationText(commands: readonly string[]): ApplicationText {
  return {
    ...text_en,
    briefs: { ...text_en.briefs, help: 'Print this help', version: 'Print the version' },
    noCommandRegisteredForInput: ({ input }) =>
      input.startsWith('-')
        ? `unknown flag ${input} before a command; flags follow the command, ${see}`
        : `unknown command ${JSON.stringify(input)}; ${suggestion(input, commands)}`,
    exceptionWhileParsingArguments: (error) =>
      error instanceof ArgumentScannerError ? argumentMessage(error) : oneLine(error),
    exceptionWhileRunningCommand: (error) => oneLine(error),
    commandErrorResult: (error) => oneLine(error),
  };
}
