// Logs a known script of events through a real Node.js library.
//
// `node log.mjs CLIENT [quick]` prints the library's own lines on stdout, and appends to the file
// named by MANIFEST one JSON object an event: what a reader of the line must know. `from_ms` and
// `to_ms` are the clock before and after the call, so the line's own time lies between them.

import { appendFileSync } from 'node:fs';
import { createServer, get } from 'node:http';

import bunyan from 'bunyan';
import log4js from 'log4js';
import morgan from 'morgan';
import pino from 'pino';
import pinoHttp from 'pino-http';
import winston from 'winston';

class CardRefused extends Error {
  constructor(message) {
    super(message);
    this.name = 'CardRefused';
  }
}

// The script: one event of each level, two of them with an exception.
function events(client) {
  const ids = (number) => ({ request_id: `r-${client}-${number}`, user_id: 4242 });
  return [
    { level: 'info', message: 'course listed', duration_ms: 12.5, ...ids(1) },
    { level: 'error', message: 'payment failed', error: new CardRefused('card refused\nby the bank'), ...ids(2) },
    { level: 'warning', message: 'slow "answer" ü\tof the shop', duration_ms: 1834.25, ...ids(3) },
    { level: 'debug', message: 'cache miss', ...ids(4) },
    { level: 'critical', message: 'database is gone', ...ids(5) },
    { level: 'error', message: 'tax service does not answer', error: new TypeError('rate is undefined'), ...ids(6) },
  ];
}

const extra = ({ request_id, user_id, duration_ms }) =>
  duration_ms === undefined ? { request_id, user_id } : { request_id, user_id, duration_ms };

// How pino, bunyan and log4js name a level.
const short = { warning: 'warn', critical: 'fatal' };
const method = (level) => short[level] ?? level;

function pinoWith(options) {
  const logger = pino({ level: 'debug', ...options });
  return (event) => {
    const fields = event.error ? { ...extra(event), err: event.error } : extra(event);
    logger[method(event.level)](fields, event.message);
  };
}

function winstonWith(...formats) {
  // npm's levels have nothing above error; syslog's have.
  const levels = { crit: 2, error: 3, warning: 4, info: 6, debug: 7 };
  winston.addColors({ crit: 'red', error: 'red', warning: 'yellow', info: 'green', debug: 'blue' });
  const { combine } = winston.format;
  const logger = winston.createLogger({
    levels,
    level: 'debug',
    format: combine(...formats),
    transports: [new winston.transports.Console()],
  });
  return (event) => {
    const level = event.level === 'critical' ? 'crit' : event.level;
    if (event.error) logger.log(level, event.message, { ...extra(event), error: event.error, stack: event.error.stack });
    else logger.log(level, event.message, extra(event));
  };
}

const { timestamp, json, colorize, errors, printf, splat } = winston.format;

const CLIENTS = {
  pino: { setup: () => pinoWith({}) },
  'pino-labels': {
    setup: () =>
      pinoWith({
        messageKey: 'message',
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      }),
  },
  winston: { setup: () => winstonWith(errors({ stack: true }), timestamp(), json()) },
  'winston-coloured': { setup: () => winstonWith(colorize({ level: true }), timestamp(), json()) },
  'winston-plain': {
    lacks: ['request_id', 'user_id', 'duration_ms', 'error_type'],
    setup: () =>
      winstonWith(
        timestamp(),
        splat(),
        printf(({ timestamp: time, level, message }) => `${time} ${level}: ${message}`),
      ),
  },
  bunyan: {
    setup: () => {
      const logger = bunyan.createLogger({ name: 'courses', level: 'debug', serializers: { err: bunyan.stdSerializers.err } });
      return (event) => {
        const fields = event.error ? { ...extra(event), err: event.error } : extra(event);
        logger[method(event.level)](fields, event.message);
      };
    },
  },
  // The error's text goes on in the line of the message, and its type stands among the words.
  log4js: {
    lacks: ['request_id', 'user_id', 'duration_ms', 'error_type'],
    setup: () => {
      log4js.configure({
        appenders: { out: { type: 'stdout', layout: { type: 'basic' } } },
        categories: { default: { appenders: ['out'], level: 'debug' } },
      });
      const logger = log4js.getLogger('courses');
      return (event) => {
        if (event.error) event.error.stack = event.error.stack.replace('\nby the bank', ' by the bank');
        const rest = event.error ? [event.error] : [];
        logger[method(event.level)](event.message, ...rest);
      };
    },
  },
};

function expected(client, event, lacks, from_ms, to_ms) {
  const all = {
    level: event.level,
    message: event.message,
    request_id: event.request_id,
    user_id: event.user_id,
    duration_ms: event.duration_ms ?? null,
    error_type: event.error?.name ?? null,
    from_ms,
    to_ms,
    ...event.also,
  };
  for (const name of lacks ?? []) delete all[name];
  return `${JSON.stringify({ client, ...all })}\n`;
}

// Clients that log HTTP requests: a real server, real requests.
const HTTP_CLIENTS = {
  'pino-http': () => {
    const logger = pinoHttp({
      genReqId: (request) => request.headers['x-request-id'],
      customLogLevel: (_request, response, error) =>
        error || response.statusCode >= 500 ? 'error' : response.statusCode >= 400 ? 'warn' : 'info',
    });
    return (request, response) => logger(request, response);
  },
  'morgan-combined': () => {
    const logger = morgan('combined');
    return (request, response) => logger(request, response, () => {});
  },
  'morgan-common': () => {
    const logger = morgan('common');
    return (request, response) => logger(request, response, () => {});
  },
};

// One request and the status that the server answers.
const REQUESTS = [
  ['/api/v1/courses?page=2', 200],
  ['/api/v1/quizzes/124/attempts', 500],
  ['/missing', 404],
];

async function serveRequests(client, count) {
  const log = HTTP_CLIENTS[client]();
  const server = createServer((request, response) => {
    log(request, response);
    response.statusCode = REQUESTS.find(([path]) => path === request.url)[1];
    response.end('ok');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  for (const [index, [path, status]] of REQUESTS.slice(0, count).entries()) {
    const request_id = `r-${client}-${index + 1}`;
    const from_ms = Date.now();
    await new Promise((resolve, reject) => {
      const headers = { 'x-request-id': request_id };
      get({ port: server.address().port, host: '127.0.0.1', path, headers, agent: false }, (response) => {
        response.resume();
        response.on('end', resolve);
      }).on('error', reject);
    });
    const record = {
      client,
      path: path.split('?')[0],
      method: 'GET',
      status_code: status,
      from_ms,
      to_ms: Date.now() + 5,
      ...(client === 'pino-http' ? { request_id, duration_ms_max: Date.now() - from_ms + 5 } : {}),
      // An access log has no level of its own.
      ...(client === 'pino-http' ? { level: status >= 500 ? 'error' : status >= 400 ? 'warning' : 'info' } : {}),
    };
    appendFileSync(process.env.MANIFEST, `${JSON.stringify(record)}\n`);
  }
  server.close();
}

const [client, mode] = process.argv.slice(2);
if (client in HTTP_CLIENTS) {
  await serveRequests(client, mode === 'quick' ? 2 : undefined);
} else {
  const { setup, lacks } = CLIENTS[client];
  const log = setup();
  for (const event of events(client).slice(0, mode === 'quick' ? 2 : undefined)) {
    const before = Date.now();
    log(event);
    appendFileSync(process.env.MANIFEST, expected(client, event, lacks, before, Date.now() + 1));
  }
}
