// Two rows of three equal elements, each a registered product.
module sample_array(input clk, input rst, input [7:0] i, output [7:0] o);
  wire [7:0] middle;
  sample_array_row row_0 (.clk(clk), .rst(rst), .i(i), .o(middle));
  sample_array_row row_1 (.clk(clk), .rst(rst), .i(middle), .o(o));
endmodule

module sample_array_row(input clk, input rst, input [7:0] i, output [7:0] o);
  wire [7:0] a, b;
  sample_array_pe pe_0 (.clk(clk), .rst(rst), .i(i), .o(a));
  sample_array_pe pe_1 (.clk(clk), .rst(rst), .i(a), .o(b));
  sample_array_pe pe_2 (.clk(clk), .rst(rst), .i(b), .o(o));
endmodule

module sample_array_pe(input clk, input rst, input [7:0] i, output reg [7:0] o);
  always @(posedge clk) if (rst) o <= 8'd0; else o <= i[7:4] * i[3:0] + i;
endmodule
