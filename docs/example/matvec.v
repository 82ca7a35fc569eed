// y = W x: a matrix by a vector, both in MXFP4 blocks of 32 elements, sums in FP32.
//
// A word of both memories is a block: 32 elements of 4 bits, the first one least significant, and
// above them the 8 bits of their scale. Block b of row r of W lies at address b * ROWS + r, block b
// of x at address b. The memories answer in the cycle after `read`, and hold while it is low.
//
// Rows take turns, so that a block goes in every cycle although each sum needs the one before:
// that of the same row left the unit ROWS - 1 blocks ago. The unit holds two, so ROWS is 3 or more.
module matvec #(
  parameter ROWS = 8,
  parameter BLOCKS = 4
) (
  input  wire         clk,
  input  wire         rst,
  input  wire         start,     // for a cycle, while not busy
  output wire         busy,
  output wire         read,
  output wire [15:0]  w_address,
  input  wire [135:0] w_data,
  output wire [15:0]  x_address,
  input  wire [135:0] x_data,
  output wire         y_valid,   // rows in order; y_data holds until y_ready
  input  wire         y_ready,
  output wire [31:0]  y_data
);
  // Sums of the rows, while they grow.
  reg [31:0] sums [0:ROWS-1];

  // 1. Addresses: which block is read next.
  reg        reading;
  reg [15:0] row, block, address;
  // 2. A block that has been read, on offer to the unit.
  reg        offered;
  reg [15:0] offered_row;
  reg        offered_first;
  // 3. Which block the unit gives next.
  reg [15:0] out_row, out_block;

  wire i_ready, o_valid;
  wire [31:0] result;
  wire taken = offered & i_ready;
  wire out_last = out_block == BLOCKS - 1;
  wire o_ready = ~out_last | y_ready;
  wire given = o_valid & o_ready;
  reg  pending;  // results are still to come

  assign read = reading & (~offered | taken);
  assign w_address = address;
  assign x_address = block;
  assign busy = pending;
  assign y_valid = o_valid & out_last;
  assign y_data = result;

  always @(posedge clk) begin
    if (rst) begin
      reading <= 1'b0;
      offered <= 1'b0;
      pending <= 1'b0;
    end else begin
      if (start & ~pending) begin
        reading <= 1'b1;
        pending <= 1'b1;
        row <= 0;
        block <= 0;
        address <= 0;
        out_row <= 0;
        out_block <= 0;
      end
      if (read) begin
        address <= address + 1;
        row <= row + 1;
        if (row == ROWS - 1) begin
          row <= 0;
          block <= block + 1;
          if (block == BLOCKS - 1) reading <= 1'b0;
        end
        offered_row <= row;
        offered_first <= block == 0;
      end
      if (read | taken) offered <= read;
      if (given) begin
        sums[out_row] <= result;
        out_row <= out_row + 1;
        if (out_row == ROWS - 1) begin
          out_row <= 0;
          out_block <= out_block + 1;
          if (out_last) pending <= 1'b0;
        end
      end
    end
  end

  // Which bits of the payload are which: mxfp4_dot32_instance.vh.
  wire [31:0] sum = offered_first ? 32'd0 : sums[offered_row];
  wire [303:0] beat = {sum, w_data[135:128], x_data[135:128], w_data[127:0], x_data[127:0]};

  mxfp4_dot32 dot (
    .clk        (clk),
    .rst        (rst),
    .i__payload (beat),
    .i__valid   (offered),
    .i__ready   (i_ready),
    .o__payload (result),
    .o__valid   (o_valid),
    .o__ready   (o_ready)
  );
endmodule
