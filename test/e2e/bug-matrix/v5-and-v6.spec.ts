import { cleanCells } from './clean-cells.js';

cleanCells(['V5p', 'V5m', 'V6'], 55);
