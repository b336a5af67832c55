import { cleanCells } from './clean-cells.js';

cleanCells(['V3', 'V4'], 55);
