import { cleanCells } from './clean-cells.js';

cleanCells(['V1’-gp', 'V2'], 30);
