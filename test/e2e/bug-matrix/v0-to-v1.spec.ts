import { cleanCells } from './clean-cells.js';

cleanCells(['V0', 'V1', 'V1’-ref'], 45);
