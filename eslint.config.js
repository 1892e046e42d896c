/** Lint that catches real faults: promises nobody waits for, cases nobody handles, imports that run the wrong way. */
import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

const builtins = builtinModules.filter((name) => !name.startsWith('_')).join('|');

/** What workflow code may not load: it would break replay, or the bundle. */
const outsideTheSandbox = {
  regex: `^(node:(?!crypto$).*|${builtins})$`,
  message: 'Workflow code is deterministic and runs in a sandbox without Node.',
};
const impureCrypto = {
  group: ['node:crypto'],
  allowImportNames: ['createPublicKey', 'verify'],
  message: 'Of it, workflows have two functions alone: see workers/threads.ts.',
};
const onlyTypesOfActivities = {
  regex: '/activities/',
  allowTypeImports: true,
  message: 'Workflows know activities by their types alone.',
};
const noZod = { group: ['zod', 'zod/*'], message: 'zod adds a megabyte to the bundle; parse by hand in messages.ts.' };
const noTemporalClient = {
  group: ['@temporalio/client'],
  allowTypeImports: true,
  message: 'The API talks to Temporal in api/grants.ts, api/people.ts and api/audit/chains.ts alone.',
};

/** `api -> workflows -> (types of) activities -> workflows/domain`; roots are imported by nobody. */
const directions = [
  { target: './workflows/domain', from: './workflows', except: ['./domain'], message: 'The domain is a leaf.' },
  { target: './workflows/domain', from: './activities', message: 'The domain is a leaf.' },
  { target: './workflows', from: ['./api', './workers'], message: 'Workflows stand below api and workers.' },
  { target: './activities', from: ['./api', './workers'], message: 'Activities stand below api and workers.' },
  {
    target: './activities/platform',
    from: './activities',
    except: ['./platform'],
    message: 'The platform is a leaf: it knows nothing of grants.',
  },
  { target: './api', from: './workers', message: 'Workers are composition roots: nobody imports them.' },
  { target: './api', from: './activities/connectors', message: 'The API never touches a target.' },
  { target: ['./workflows', './activities', './workers', './api/!(main).ts'], from: './api/main.ts' },
];

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'coverage', '.daypass', 'api/web/assets'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: {
      'import-x/resolver-next': [
        createNodeResolver({ extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } }),
      ],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      // Catches async update validators, which fail the whole workflow task.
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'import-x/no-cycle': 'error',
      'import-x/no-default-export': 'error',
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones: directions }],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Settings are read in activities/platform/config.ts.' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSAsExpression > TSNeverKeyword', message: '`as never` hides a wrong type: mend the type.' },
        {
          selector: "CallExpression[callee.object.name='AbortSignal'][callee.property.name='any']",
          message: 'On Node 20 it forgets timeouts once the garbage collector ran: use abortsWithin of deadline.ts.',
        },
      ],
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [outsideTheSandbox, impureCrypto, onlyTypesOfActivities, noZod, noTemporalClient] },
      ],
    },
  },
  {
    files: ['api/**/*.ts'],
    ignores: ['api/grants.ts', 'api/people.ts', 'api/audit/chains.ts', 'api/main.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [noTemporalClient] }] },
  },
  {
    // The one reader of the environment, composition roots that hand it on, commands, and what is for development.
    files: ['activities/platform/config.ts', 'workers/**/*.ts', 'api/cli/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    // What is run by hand prints.
    files: ['activities/policy/check.ts', 'api/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { globals: { module: 'writable', require: 'readonly' } },
  },
);
