export { converterOf, converters, DATA_ANNOTATION, type KindConverter } from './convert.js';
export {
  type ApiVersionLookup,
  type ApiVersionResolver,
  createApiVersionResolver,
  fallbackApiVersion,
} from './resolver.js';
export { type ConversionReviewResponse, convertReview } from './review.js';
