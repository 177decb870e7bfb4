import { url } from './address';

process.env['REDIS_URL'] = url;
