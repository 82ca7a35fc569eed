// A registered INT8 multiply-accumulate in the shape of a catalog unit: streams at both ends,
// input registers, named combinational stages, output registers.
module sample_mac_product(input signed [7:0] a, input signed [7:0] w, output signed [15:0] product);
  assign product = a * w;
endmodule

module sample_mac_add(input signed [15:0] product, input signed [31:0] acc,
                      output signed [31:0] sum);
  assign sum = acc + product;
endmodule

module sample_mac(
  input clk, input rst,
  input [47:0] i__payload, input i__valid, output i__ready,
  output [31:0] o__payload, output o__valid, input o__ready
);
  reg [47:0] in_data;
  reg in_valid;
  reg [31:0] out_data;
  reg out_valid;
  wire advance = o__ready | ~out_valid;
  wire [15:0] product_value;
  wire [31:0] sum_value;
  assign i__ready = advance;
  assign o__payload = out_data;
  assign o__valid = out_valid;

  sample_mac_product product(.a(in_data[7:0]), .w(in_data[15:8]), .product(product_value));
  sample_mac_add add(.product(product_value), .acc(in_data[47:16]), .sum(sum_value));

  always @(posedge clk) begin
    if (advance) begin
      in_data <= i__payload;
      in_valid <= i__valid;
      out_data <= sum_value;
      out_valid <= in_valid;
    end
    if (rst) begin
      in_valid <= 1'b0;
      out_valid <= 1'b0;
    end
  end
endmodule
