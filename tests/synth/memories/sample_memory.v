// Two memories of 64 words of 32 bits with byte enables, and one of 4 words that is read at once.
module sample_memory(
  input clk, input rst, input [5:0] from, input [5:0] to, input [31:0] data, input [3:0] bytes,
  input write, output [31:0] o, output [7:0] small
);
  sample_memory_bank left (.clk(clk), .from(from), .to(to), .data(data), .bytes(bytes), .o(a));
  sample_memory_bank right (.clk(clk), .from(to), .to(from), .data(data), .bytes(bytes), .o(b));
  wire [31:0] a, b;
  reg [31:0] sum;
  always @(posedge clk) sum <= rst ? 32'd0 : a + b;
  assign o = sum;
  reg [7:0] few [3:0];
  always @(posedge clk) if (write) few[to[1:0]] <= data[7:0];
  assign small = few[from[1:0]];
endmodule

module sample_memory_bank(
  input clk, input [5:0] from, input [5:0] to, input [31:0] data, input [3:0] bytes,
  output reg [31:0] o
);
  reg [31:0] words [63:0];
  integer k;
  always @(posedge clk) begin
    for (k = 0; k < 4; k = k + 1) if (bytes[k]) words[to][8*k +: 8] <= data[8*k +: 8];
    o <= words[from];
  end
endmodule
